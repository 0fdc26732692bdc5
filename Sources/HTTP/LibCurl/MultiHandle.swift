import CCurl

/// The set of transfers in flight.
///
/// `@unchecked Sendable`: everything but ``wake()`` is for the loop's thread, and libcurl allows `curl_multi_wakeup` from any thread. Both
/// sides hold this object, so that nobody can wake a handle that is gone, and whoever lets go last has no other beside it.
final class MultiHandle: @unchecked Sendable {
    private let handle: UnsafeMutableRawPointer

    /// - Parameter connectionLimit: how many connections are kept for the next request.
    init(connectionLimit: Int) throws(HTTPError) {
        guard let handle = curl_multi_init() else { throw HTTPError(.unexpected, "No memory for libcurl", mayHaveBeenSent: false) }
        self.handle = handle
        try check(CCurl_multi_set_long(handle, CURLMOPT_MAXCONNECTS, connectionLimit))
        // One request after the other on a connection: a shared one couples the tenants on it.
        try check(CCurl_multi_set_long(handle, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING)))
    }

    deinit { curl_multi_cleanup(handle) }

    /// Ends the loop's ``poll()``, or the next one. For any thread.
    func wake() {
        // The only failures are a handle that is none, and a full pipe, which wakes already.
        curl_multi_wakeup(handle)
    }

    func add(_ easy: borrowing EasyHandle) throws(HTTPError) {
        try check(easy.join(handle))
    }

    /// Takes a transfer out, finished or not. What is not finished loses its connection.
    func remove(_ easy: borrowing EasyHandle) {
        easy.leave(handle)
    }

    /// Sends and receives whatever can be sent and received now.
    func perform() throws(HTTPError) {
        var running: Int32 = 0
        try check(curl_multi_perform(handle, &running))
    }

    /// Calls `body` for every transfer that has ended since. It may remove that transfer.
    func forEachFinished(_ body: (EasyHandle.Context, CURLcode) -> Void) {
        var remaining: Int32 = 0
        while let message = curl_multi_info_read(handle, &remaining) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
            // Copied first: the message is gone once its transfer is removed.
            let result = message.pointee.data.result
            guard let context = EasyHandle.context(of: easy) else { continue }
            body(context, result)
        }
    }

    /// Sleeps until a socket is ready, a time limit of a transfer is near, or somebody calls ``wake()``.
    func poll() throws(HTTPError) {
        // The limit is for nothing but a lost wake-up, of which there is none.
        try check(curl_multi_poll(handle, nil, 0, 60_000, nil))
    }

    private func check(_ code: CURLMcode) throws(HTTPError) {
        guard code != CURLM_OK else { return }
        let text = String(cString: curl_multi_strerror(code))
        throw HTTPError(.unexpected, "libcurl: \(text)", mayHaveBeenSent: false)
    }
}
