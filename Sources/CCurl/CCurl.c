#include "CCurl.h"

#include <dlfcn.h>
#include <stddef.h>

static struct CCurl table;

const struct CCurl *ccurl_load(const char **problem) {
    // Bound lazily, and among its own libraries first, as libvirt is.
    void *library = dlopen("libcurl.so.4", RTLD_LAZY | RTLD_LOCAL | RTLD_DEEPBIND);
    if (library == NULL) library = dlopen("libcurl-gnutls.so.4", RTLD_LAZY | RTLD_LOCAL | RTLD_DEEPBIND);
    if (library == NULL) {
        *problem = dlerror();
        return NULL;
    }
#define CCURL_RESOLVE(name)                                                                                            \
    *(void **)&table.name = dlsym(library, #name);                                                                     \
    if (*(void **)&table.name == NULL) {                                                                               \
        *problem = "the library has no " #name;                                                                        \
        return NULL;                                                                                                   \
    }
    CCURL_FUNCTIONS(CCURL_RESOLVE)
    if (table.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        *problem = "curl_global_init failed";
        return NULL;
    }
    return &table;
}

CURLcode ccurl_set_long(const struct CCurl *curl, CURL *handle, CURLoption option, long value) {
    return (curl->curl_easy_setopt)(handle, option, value);
}

CURLcode ccurl_set_string(const struct CCurl *curl, CURL *handle, CURLoption option, const char *value) {
    return (curl->curl_easy_setopt)(handle, option, value);
}

CURLcode ccurl_set_pointer(const struct CCurl *curl, CURL *handle, CURLoption option, void *value) {
    return (curl->curl_easy_setopt)(handle, option, value);
}

CURLcode ccurl_set_list(const struct CCurl *curl, CURL *handle, CURLoption option, struct curl_slist *value) {
    return (curl->curl_easy_setopt)(handle, option, value);
}

CURLcode ccurl_set_callback(const struct CCurl *curl, CURL *handle, CURLoption option, curl_write_callback value) {
    return (curl->curl_easy_setopt)(handle, option, value);
}

long ccurl_get_long(const struct CCurl *curl, CURL *handle, CURLINFO info) {
    long value = 0;
    return (curl->curl_easy_getinfo)(handle, info, &value) == CURLE_OK ? value : 0;
}

int ccurl_get_socket(const struct CCurl *curl, CURL *handle) {
    curl_socket_t socket = CURL_SOCKET_BAD;
    return (curl->curl_easy_getinfo)(handle, CURLINFO_ACTIVESOCKET, &socket) == CURLE_OK ? socket : -1;
}

const struct curl_certinfo *ccurl_get_certificates(const struct CCurl *curl, CURL *handle) {
    struct curl_certinfo *certificates = NULL;
    return (curl->curl_easy_getinfo)(handle, CURLINFO_CERTINFO, &certificates) == CURLE_OK ? certificates : NULL;
}
