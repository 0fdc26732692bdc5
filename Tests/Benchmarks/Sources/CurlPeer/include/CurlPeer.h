#ifndef CURL_PEER_H
#define CURL_PEER_H

/// The least that a program in C can do for the same requests: what libcurl costs by itself, on the machine and in the minute of the run.
///
/// Keeps as many requests in flight, all with the same headers and body, and looks at no answer but its status.
///
/// - Returns: 0, or libcurl's code of what went wrong.
int curl_peer_run(const char *url, const char *const *headers, const char *body, int in_flight, long requests);

#endif
