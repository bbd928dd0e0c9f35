// libcurl's real headers, and its functions as a table of pointers that is filled from libcurl.so.4 on first need.
//
// Linking libcurl would cost every start of a hook the loading of some 30 shared libraries, and a hook of a host without
// vSphere never needs it. The setters are one C function for each type of value: curl_easy_setopt is variadic.
#pragma once

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#define CCURL_FUNCTIONS(X)                                                                                             \
    X(curl_global_init) X(curl_easy_init) X(curl_easy_cleanup) X(curl_easy_reset) X(curl_easy_perform)                 \
    X(curl_easy_setopt) X(curl_easy_getinfo) X(curl_easy_strerror) X(curl_slist_append) X(curl_slist_free_all)

struct CCurl {
#define CCURL_MEMBER(name) __typeof__(name) *_Nonnull name;
    CCURL_FUNCTIONS(CCURL_MEMBER)
#undef CCURL_MEMBER
};

/// The table, curl_global_init done, or NULL with the reason in *problem. Call it once: it is not thread-safe.
const struct CCurl *_Nullable ccurl_load(const char *_Nullable *_Nonnull problem);

/// Sets an option that takes a long.
CURLcode ccurl_set_long(const struct CCurl *_Nonnull curl, CURL *_Nonnull handle, CURLoption option, long value);
/// Sets an option that takes a string, which libcurl copies.
CURLcode ccurl_set_string(
    const struct CCurl *_Nonnull curl, CURL *_Nonnull handle, CURLoption option, const char *_Nullable value);
/// Sets an option that takes a pointer, which must stay valid as long as libcurl says.
CURLcode ccurl_set_pointer(
    const struct CCurl *_Nonnull curl, CURL *_Nonnull handle, CURLoption option, void *_Nullable value);
/// Sets an option that takes a list, which stays the caller's.
CURLcode ccurl_set_list(
    const struct CCurl *_Nonnull curl, CURL *_Nonnull handle, CURLoption option, struct curl_slist *_Nullable value);
/// Sets the function that takes the answer's body or its headers, or gives the request's body: all have one type.
CURLcode ccurl_set_callback(
    const struct CCurl *_Nonnull curl, CURL *_Nonnull handle, CURLoption option, curl_write_callback _Nonnull value);
/// A long that libcurl tells after a transfer; 0 when it does not.
long ccurl_get_long(const struct CCurl *_Nonnull curl, CURL *_Nonnull handle, CURLINFO info);
/// The socket of the last transfer's connection, which libcurl closes; -1 when there is none any more.
int ccurl_get_socket(const struct CCurl *_Nonnull curl, CURL *_Nonnull handle);
/// The server's certificates after a transfer with CURLOPT_CERTINFO; NULL when there are none.
const struct curl_certinfo *_Nullable ccurl_get_certificates(const struct CCurl *_Nonnull curl, CURL *_Nonnull handle);
