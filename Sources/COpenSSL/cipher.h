#ifndef COPENSSL_CIPHER_H
#define COPENSSL_CIPHER_H

// Doors to OpenSSL's HMAC-SHA-256 and AES-256-GCM, over plain buffers. Imported by Vault/Sealing alone.

// SHA256_Init and its like are deprecated in favour of EVP, which allocates memory for each digest.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <string.h>

enum { COpenSSL_code_size = 32, COpenSSL_nonce_size = 12, COpenSSL_tag_size = 16 };

/// HMAC-SHA-256 (RFC 2104) that is keyed: what its two digests are after the padded key.
typedef struct {
    SHA256_CTX inner;
    SHA256_CTX outer;
} COpenSSL_hmac;

static inline COpenSSL_hmac COpenSSL_hmac_keyed(const void *key, size_t count) {
    COpenSSL_hmac function;
    uint8_t block[SHA256_CBLOCK] = {0};
    if (count > sizeof block) SHA256((const uint8_t *)key, count, block);
    else if (count > 0) memcpy(block, key, count);
    for (size_t index = 0; index < sizeof block; index++) block[index] ^= 0x36;
    SHA256_Init(&function.inner);
    SHA256_Update(&function.inner, block, sizeof block);
    for (size_t index = 0; index < sizeof block; index++) block[index] ^= 0x36 ^ 0x5c;
    SHA256_Init(&function.outer);
    SHA256_Update(&function.outer, block, sizeof block);
    OPENSSL_cleanse(block, sizeof block);
    return function;
}

static inline void COpenSSL_hmac_update(COpenSSL_hmac *function, const void *bytes, size_t count) {
    SHA256_Update(&function->inner, bytes, count);
}

/// Writes the code, and wipes the function.
static inline void COpenSSL_hmac_finish(COpenSSL_hmac *function, uint8_t *code) {
    SHA256_Final(code, &function->inner);
    SHA256_Update(&function->outer, code, COpenSSL_code_size);
    SHA256_Final(code, &function->outer);
    OPENSSL_cleanse(function, sizeof *function);
}

/// Random bytes from OpenSSL's generator, which the kernel seeds. 1, or 0 if it has none.
static inline int COpenSSL_random(void *bytes, size_t count) {
    return RAND_bytes((unsigned char *)bytes, (int)count) == 1;
}

/// The cipher. A look-up takes a lock, so the caller keeps it. NULL if OpenSSL has none.
static inline EVP_CIPHER *COpenSSL_aes_gcm(void) {
    return EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
}

/// Encrypts `count` bytes to as many bytes and a tag. 1, or 0 if OpenSSL refuses.
static inline int COpenSSL_seal(
    const EVP_CIPHER *cipher, const uint8_t *key, const uint8_t *nonce, const uint8_t *about, size_t about_count, const uint8_t *plain, size_t count,
    uint8_t *sealed, uint8_t *tag
) {
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int length = 0;
    int is_done = context && count <= INT32_MAX && about_count <= INT32_MAX
        && EVP_EncryptInit_ex2(context, cipher, key, nonce, NULL)
        && EVP_EncryptUpdate(context, NULL, &length, about, (int)about_count)
        && (count == 0 || EVP_EncryptUpdate(context, sealed, &length, plain, (int)count))
        && EVP_EncryptFinal_ex(context, sealed + count, &length)
        && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, COpenSSL_tag_size, tag);
    // It wipes the key.
    EVP_CIPHER_CTX_free(context);
    return is_done;
}

/// Decrypts `count` bytes to as many bytes. 1, or 0 if the tag does not fit; the output is then wiped.
static inline int COpenSSL_open(
    const EVP_CIPHER *cipher, const uint8_t *key, const uint8_t *nonce, const uint8_t *about, size_t about_count, const uint8_t *sealed, size_t count,
    const uint8_t *tag, uint8_t *plain
) {
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int length = 0;
    int is_done = context && count <= INT32_MAX && about_count <= INT32_MAX
        && EVP_DecryptInit_ex2(context, cipher, key, nonce, NULL)
        && EVP_DecryptUpdate(context, NULL, &length, about, (int)about_count)
        && (count == 0 || EVP_DecryptUpdate(context, plain, &length, sealed, (int)count))
        && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, COpenSSL_tag_size, (void *)tag)
        && EVP_DecryptFinal_ex(context, plain + count, &length);
    EVP_CIPHER_CTX_free(context);
    if (!is_done) OPENSSL_cleanse(plain, count);
    return is_done;
}

#endif
