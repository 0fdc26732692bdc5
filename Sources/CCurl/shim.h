#ifndef CCURL_SHIM_H
#define CCURL_SHIM_H

// Doors to libcurl. Imported by HTTP/LibCurl alone.
//
// Swift cannot call variadic functions, so each type that an option or an answer may have gets a door of its own. The caller names the
// door that fits the option (libcurl's manual: "Pass a long", "Pass a char *"); libcurl itself does not check it.

// libcurl's own checks are macros in the way of the doors.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/// What the library in use is and can do.
static inline const curl_version_info_data *CCurl_version(void) {
    return curl_version_info(CURLVERSION_NOW);
}

static inline CURLcode CCurl_easy_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

/// libcurl copies the string. NULL sets the option back.
static inline CURLcode CCurl_easy_set_string(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}

/// libcurl keeps the pointer and does not look after what it points to.
static inline CURLcode CCurl_easy_set_pointer(CURL *easy, CURLoption option, void *value) {
    return curl_easy_setopt(easy, option, value);
}

/// libcurl keeps the list and does not copy it.
static inline CURLcode CCurl_easy_set_list(CURL *easy, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(easy, option, value);
}

/// For CURLOPT_WRITEFUNCTION and CURLOPT_HEADERFUNCTION.
static inline CURLcode CCurl_easy_set_write_function(CURL *easy, CURLoption option, curl_write_callback value) {
    return curl_easy_setopt(easy, option, value);
}

/// Called with each address before a socket for it is made: CURL_SOCKET_BAD goes on to the next one.
static inline CURLcode CCurl_easy_set_opensocket_function(CURL *easy, curl_opensocket_callback value) {
    return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, value);
}

/// Called with the TLS library's context before each handshake.
static inline CURLcode CCurl_easy_set_ssl_context_function(CURL *easy, curl_ssl_ctx_callback value) {
    return curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, value);
}

static inline CURLcode CCurl_easy_set_prereq_function(CURL *easy, curl_prereq_callback value) {
    return curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, value);
}

/// Gives the handle a body, which libcurl copies.
static inline CURLcode CCurl_easy_copy_body(CURL *easy, const void *bytes, size_t count) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)count);
    // The size comes first: without it libcurl would copy up to the first NUL.
    return code ? code : curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, bytes);
}

static inline CURLcode CCurl_easy_get_long(CURL *easy, CURLINFO info, long *value) {
    return curl_easy_getinfo(easy, info, value);
}

static inline CURLcode CCurl_easy_get_offset(CURL *easy, CURLINFO info, curl_off_t *value) {
    return curl_easy_getinfo(easy, info, value);
}

static inline CURLcode CCurl_easy_get_pointer(CURL *easy, CURLINFO info, void **value) {
    return curl_easy_getinfo(easy, info, value);
}

static inline CURLMcode CCurl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

/// Overwrites memory before it goes back.
static inline void CCurl_wipe_and_free(void *memory) {
    if (memory) explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

/// As realloc, but never leaves the old bytes behind when they move.
static inline void *CCurl_wipe_and_realloc(void *memory, size_t size) {
    if (!memory) return malloc(size);
    void *larger = malloc(size);
    if (!larger) return NULL;
    size_t kept = malloc_usable_size(memory);
    memcpy(larger, memory, kept < size ? kept : size);
    CCurl_wipe_and_free(memory);
    return larger;
}

/// Starts the library, with memory that is overwritten before it goes back: requests with their secrets pass through its buffers.
static inline CURLcode CCurl_global_init_wiping(void) {
    return curl_global_init_mem(CURL_GLOBAL_ALL, malloc, CCurl_wipe_and_free, CCurl_wipe_and_realloc, strdup, calloc);
}

/// Frees a list whose strings may be secrets: they are overwritten first.
static inline void CCurl_slist_wipe(struct curl_slist *list) {
    for (struct curl_slist *item = list; item; item = item->next) explicit_bzero(item->data, strlen(item->data));
    curl_slist_free_all(list);
}

#endif
