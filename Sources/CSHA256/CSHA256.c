// The low-level functions, which OpenSSL 3 calls deprecated: EVP would link the whole of libcrypto's providers
// (megabytes), these link five objects (20 KB) and need no set-up.
#define OPENSSL_API_COMPAT 0x10100000L

#include "CSHA256.h"

#include <openssl/sha.h>
#include <stdlib.h>

struct csha256 {
    SHA256_CTX context;
};

_Static_assert(csha256_length == SHA256_DIGEST_LENGTH, "the length that the header gives");

// SHA256_Init, _Update and _Final return 1 always: crypto/sha/sha256.c and crypto/md32_common.h.

struct csha256 *csha256_new(void) {
    struct csha256 *digest = malloc(sizeof *digest);
    if (digest) SHA256_Init(&digest->context);
    return digest;
}

void csha256_update(struct csha256 *digest, const void *bytes, size_t count) {
    SHA256_Update(&digest->context, bytes, count);
}

void csha256_final(struct csha256 *digest, unsigned char *result) { SHA256_Final(result, &digest->context); }

void csha256_free(struct csha256 *digest) { free(digest); }
