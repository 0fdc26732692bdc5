#include "CurlPeer.h"

#include <curl/curl.h>
#include <stdlib.h>

static size_t discard(char *bytes, size_t size, size_t count, void *context) {
    (void)bytes;
    (void)context;
    return size * count;
}

static void begin(CURLM *multi, CURL *easy, const char *url, struct curl_slist *headers, const char *body) {
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body);
    curl_multi_add_handle(multi, easy);
}

int curl_peer_run(const char *url, const char *const *headers, const char *body, int in_flight, long requests) {
    CURLM *multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)in_flight);
    struct curl_slist *list = NULL;
    for (; *headers; headers++) list = curl_slist_append(list, *headers);
    CURL **easies = calloc((size_t)in_flight, sizeof *easies);
    long begun = 0, ended = 0;
    for (int index = 0; index < in_flight; index++, begun++) {
        easies[index] = curl_easy_init();
        curl_easy_setopt(easies[index], CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easies[index], CURLOPT_WRITEFUNCTION, discard);
        curl_easy_setopt(easies[index], CURLOPT_ACCEPT_ENCODING, "gzip");
        begin(multi, easies[index], url, list, body);
    }
    int failure = 0, running = 0, remaining = 0;
    while (ended < requests && !failure) {
        curl_multi_perform(multi, &running);
        CURLMsg *message;
        while ((message = curl_multi_info_read(multi, &remaining))) {
            CURL *easy = message->easy_handle;
            long status = 0;
            curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
            if (message->data.result != CURLE_OK) failure = (int)message->data.result;
            else if (status != 200) failure = CURLE_HTTP_RETURNED_ERROR;
            curl_multi_remove_handle(multi, easy);
            ended++;
            if (begun < requests) {
                begun++;
                begin(multi, easy, url, list, body);
            }
        }
        curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    for (int index = 0; index < in_flight; index++) {
        curl_multi_remove_handle(multi, easies[index]);
        curl_easy_cleanup(easies[index]);
    }
    free(easies);
    curl_slist_free_all(list);
    curl_multi_cleanup(multi);
    return failure;
}
