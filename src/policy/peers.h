/*
 * peers: servers of one kind judged by one another.
 *
 * A server whose metric is far worse than it is on servers of its kind is an outlier, whatever the
 * threshold; one that lacks a metric which they have, too. The rules, with PEERS_LEAST servers of
 * the kind or more that were measured:
 *
 * - An outlier is on the bad side of the median by more than 3.5 robust z-scores (model/stats.h)
 *   and by at least PEERS_PERCENT of the median; where the median is 0, per cent mean nothing and
 *   the z-score alone decides.
 * - Where many metrics are judged, each is a chance to be wrong, and the MAD of few servers is
 *   often far too small: the 3.5 is raised until all of them together call at most PEERS_ALARMS of
 * the servers outliers by noise that is normal (Bonferroni's correction, and Student's t with
 *   PEERS_FREEDOM degrees of freedom a server, as the MAD is worth no more), but never above
 *   PEERS_Z_MOST. That is 3.5 up to 2 metrics and 4.06 of 20 on thousands of servers.
 * - Values in two groups (modes_split()), of which the smaller one has PEERS_LEAST servers and
 *   PEERS_SHARE of them or more, as two versions of a firmware make them, are judged within their
 *   group, and a note says so. A smaller share is no group, but servers with the same fault.
 * - A metric is missing where at least PEERS_HAVE of a server's peers have it.
 *
 * Of fewer servers the kind's baseline stands in for the peers, where there is one that was learned
 * from PEERS_LEAST servers or more; else a note says that they were not judged. Servers that did
 * not get through their benchmarks are nobody's peers and are not judged. Pure.
 */
#pragma once

#include "model/baseline.h"
#include "model/modes.h"
#include "policy/finding.h"

#define PEERS_LEAST 8
#define PEERS_Z 3.5
#define PEERS_Z_MOST 6.0
#define PEERS_FREEDOM 0.45
#define PEERS_PERCENT 3.0
#define PEERS_ALARMS 0.0005
#define PEERS_SHARE 0.15
#define PEERS_HAVE 0.9

/* The z-score beyond which one of so many metrics makes an outlier among so many servers. */
double peers_cut(size_t metrics, size_t servers);

/* Whether values are in two groups, as said above. `scratch` has room for 2 n numbers. */
bool peers_split(const double *sorted, size_t n, size_t *scratch, struct modes_split *ret);

/* Adds findings and notes to *ret. `known` may be NULL. Fails with ERROR_INTERNAL. */
int peers_judge(const struct cohort *c, const struct baselines *known, struct findings *ret,
                struct error *err) must_use;
