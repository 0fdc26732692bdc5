#ifndef COPENSSL_SHIM_H
#define COPENSSL_SHIM_H

// Doors to OpenSSL, which librabbitmq and libcurl use: what is required of the peer of a connection beyond what they require themselves.
// Imported by TLS alone.

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/// Writes the first thing that is wrong with the peer's certificate where COpenSSL_watch has said, and lets OpenSSL's word stand.
static inline int COpenSSL_note(int is_good, X509_STORE_CTX *store) {
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    int *problem = ssl ? SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)) : NULL;
    if (!is_good && problem && *problem == X509_V_OK) *problem = X509_STORE_CTX_get_error(store);
    return is_good;
}

/// Makes the handshakes of a context fail for a peer that does not verify, and writes the reason to `problem`; with NULL, nowhere.
static inline void COpenSSL_watch(void *context, int *problem) {
    SSL_CTX_set_app_data((SSL_CTX *)context, problem);
    SSL_CTX_set_verify((SSL_CTX *)context, SSL_VERIFY_PEER, COpenSSL_note);
}

/// Has the peer's certificate name a host: as a name or as an address among its alternative names. Its subject does not count, and a
/// wildcard only as the whole of the first of at least three labels.
///
/// Returns 1, or 0 if OpenSSL does not take the host.
static inline int COpenSSL_expect_host(void *context, const char *host) {
    X509_VERIFY_PARAM *parameters = SSL_CTX_get0_param((SSL_CTX *)context);
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host)) return 1;
    ERR_clear_error();
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return X509_VERIFY_PARAM_set1_host(parameters, host, 0);
}

/// OpenSSL's words on the last failure of this thread, or NULL.
static inline const char *COpenSSL_last_reason(void) {
    return ERR_reason_error_string(ERR_peek_last_error());
}

#endif
