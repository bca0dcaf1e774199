/*
 * put: see put.h. Pure but for reading.
 */
#include "put.h"

#include "answer.h"
#include "base/text.h"
#include "file.h"

#include <math.h>
#include <string.h>

void put_key(struct str *out, const char *key) {
    char last = out->len > 0 ? out->data[out->len - 1] : '{';
    if (last != '{' && last != '[')
        str_add_char(out, ',');
    if (!key)
        return;
    answer_text(out, key);
    str_add_char(out, ':');
}

void put_long_text(struct str *out, const char *key, const char *value, size_t max) {
    cleanup(str_done) struct str printable = {0};
    const char *p = value ? value + strspn(value, " \t\r\n") : "";
    text_add_printable(&printable, p, text_length_trimmed(p, strlen(p)), max);
    put_key(out, key);
    answer_text(out, printable.len > 0 ? printable.data : NULL);
}

void put_text(struct str *out, const char *key, const char *value) {
    put_long_text(out, key, value, PUT_TEXT_MAX);
}

void put_number(struct str *out, const char *key, double value) {
    put_key(out, key);
    if (isfinite(value))
        str_addf(out, "%.6g", value);
    else
        str_add(out, "null");
}

void put_count(struct str *out, const char *key, int64_t value) {
    put_key(out, key);
    if (value >= 0)
        str_add_int(out, value);
    else
        str_add(out, "null");
}

void put_flag(struct str *out, const char *key, int value) {
    put_key(out, key);
    str_add(out, value < 0 ? "null" : value ? "true" : "false");
}

void put_file(struct str *out, const char *key, const char *path) {
    char text[256];
    put_text(out, key, file_line(path, text, sizeof(text)) ? text : NULL);
}

void put_file_count(struct str *out, const char *key, const char *path) {
    int64_t n;
    put_count(out, key, file_number(path, &n) ? n : -1);
}
