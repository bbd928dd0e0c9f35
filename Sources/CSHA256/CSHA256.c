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
    if (!digest) abort();  // As Swift does where there is no memory for an object.
    SHA256_Init(&digest->context);
    return digest;
}

void csha256_update(struct csha256 *digest, const void *bytes, size_t count) {
    SHA256_Update(&digest->context, bytes, count);
}

void csha256_final(struct csha256 *digest, unsigned char *result) { SHA256_Final(result, &digest->context); }

void csha256_free(struct csha256 *digest) { free(digest); }

_Static_assert(csha256_longest_key == SHA256_CBLOCK, "the block that the header gives");

// By hand, as OpenSSL's HMAC() goes through EVP.
void csha256_hmac(const unsigned char *key, size_t key_count, const void *bytes, size_t count, unsigned char *result) {
    unsigned char inner[SHA256_CBLOCK], outer[SHA256_CBLOCK];
    for (size_t i = 0; i < SHA256_CBLOCK; i++) {
        unsigned char byte = i < key_count ? key[i] : 0;
        inner[i] = byte ^ 0x36;
        outer[i] = byte ^ 0x5c;
    }
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, inner, sizeof inner);
    SHA256_Update(&context, bytes, count);
    SHA256_Final(result, &context);
    SHA256_Init(&context);
    SHA256_Update(&context, outer, sizeof outer);
    SHA256_Update(&context, result, SHA256_DIGEST_LENGTH);
    SHA256_Final(result, &context);
}
