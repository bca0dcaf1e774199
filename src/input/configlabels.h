/*
 * configlabels: the parts of muster.yaml below `labels:` and `limits:`.
 *
 *     labels:
 *       rack:
 *         r12: web[01-40]
 *         r13: ["web[41-80]", db1]
 *     limits: {rack: 4, pdu: 8}
 *
 * Labels are given to servers by patterns (input/nodeset.h) for their names or their hosts; what an
 * inventory says of a server counts over them. No name is in two values of one label. A limit is
 * how many servers that have the same value of a label are worked on at once.
 */
#pragma once

#include "input/config.h"
#include "input/configkeys.h"
#include "model/server.h"

/* Reads the mapping into the labels of the struct config at `into`; into its limits. */
KEY_READER(read_labels);
KEY_READER(read_label_limits);

void config_label_done(struct config_label *l);

/* Gives the servers the labels that they do not have yet. ERROR_USAGE: more than LABELS_MAX. */
int config_label_servers(const struct config *c, struct servers *servers,
                         struct error *err) must_use;
