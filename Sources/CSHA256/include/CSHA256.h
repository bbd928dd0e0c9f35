// SHA-256 from OpenSSL's libcrypto, which uses the processor's SHA instructions where there are any.
#pragma once

#include <stddef.h>

/// A digest in the making.
struct csha256;

/// The length of a digest in bytes.
enum { csha256_length = 32 };

/// A new digest of nothing so far, to be freed with csha256_free; ends the process when there is no memory.
struct csha256 *_Nonnull csha256_new(void);

/// Adds bytes.
void csha256_update(struct csha256 *_Nonnull digest, const void *_Nullable bytes, size_t count);

/// Writes the csha256_length bytes of the digest; nothing may be added afterwards.
void csha256_final(struct csha256 *_Nonnull digest, unsigned char *_Nonnull result);

/// Frees it.
void csha256_free(struct csha256 *_Nonnull digest);

/// The longest key that csha256_hmac takes: SHA-256's block.
enum { csha256_longest_key = 64 };

/// HMAC-SHA-256 (RFC 2104): writes csha256_length bytes. `key_count` is at most csha256_longest_key.
void csha256_hmac(
    const unsigned char *_Nonnull key, size_t key_count, const void *_Nullable bytes, size_t count,
    unsigned char *_Nonnull result);
