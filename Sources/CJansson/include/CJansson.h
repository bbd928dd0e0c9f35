#include <jansson.h>

// What Swift cannot read: flags made by macros, and a char array in json_error_t.

/// A JSON text of any type, no key twice, U+0000 allowed within strings; NULL and `error` filled in where it is none.
static inline json_t *cjansson_load(const char *bytes, size_t count, json_error_t *error) {
    return json_loadb(bytes, count, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, error);
}

/// Writes indented text with sorted keys; the size that it needs, 0 where it cannot be written.
static inline size_t cjansson_dump(const json_t *value, char *bytes, size_t capacity) {
    return json_dumpb(value, bytes, capacity, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}

/// What is wrong with a text, in English.
static inline const char *cjansson_text(const json_error_t *error) {
    return error->text;
}

static inline json_type cjansson_type(const json_t *value) {
    return json_typeof(value);
}

/// Gives a reference back; the last one frees the value and all within it.
static inline void cjansson_release(json_t *value) {
    json_decref(value);
}
