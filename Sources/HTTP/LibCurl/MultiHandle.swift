import CCurl

/// The set of transfers in flight.
///
/// `@unchecked Sendable`: only the loop's thread calls anything but ``wake()``, and libcurl allows `curl_multi_wakeup` from any thread.
/// Both sides hold this object, so a released handle cannot be woken, and the last owner releases it alone.
final class MultiHandle: @unchecked Sendable {
    private let handle: UnsafeMutableRawPointer

    /// - Parameter connectionLimit: the maximum number of connections to keep for later requests.
    init(connectionLimit: Int) throws(HTTPError) {
        guard let handle = curl_multi_init() else { throw HTTPError(.unexpected, "No memory for libcurl", mayHaveBeenSent: false) }
        self.handle = handle
        try check(CCurl_multi_set_long(handle, CURLMOPT_MAXCONNECTS, connectionLimit))
        // A connection carries one request after the other: a shared one would couple its tenants.
        try check(CCurl_multi_set_long(handle, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING)))
    }

    deinit { curl_multi_cleanup(handle) }

    /// Ends the loop's present or next ``poll()``. It may be called on any thread.
    func wake() {
        // It fails only for an invalid handle, or for a full pipe, which wakes the loop anyway.
        curl_multi_wakeup(handle)
    }

    func add(_ easy: borrowing EasyHandle) throws(HTTPError) {
        try check(easy.join(handle))
    }

    /// Removes a transfer, finished or not. An unfinished one loses its connection.
    func remove(_ easy: borrowing EasyHandle) {
        easy.leave(handle)
    }

    /// Sends and receives what is possible now.
    func perform() throws(HTTPError) {
        var running: Int32 = 0
        try check(curl_multi_perform(handle, &running))
    }

    /// Calls `body` for every transfer that has ended since the last call. `body` may remove that transfer.
    func forEachFinished(_ body: (EasyHandle.Context, CURLcode) -> Void) {
        var remaining: Int32 = 0
        while let message = curl_multi_info_read(handle, &remaining) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
            // Copied first: the message is invalid once its transfer is removed.
            let result = message.pointee.data.result
            guard let context = EasyHandle.context(of: easy) else { continue }
            body(context, result)
        }
    }

    /// Sleeps until a socket is ready, a time limit of a transfer is near, or ``wake()`` is called.
    func poll() throws(HTTPError) {
        // The limit matters only if a wake-up were lost, which does not happen.
        try check(curl_multi_poll(handle, nil, 0, 60_000, nil))
    }

    private func check(_ code: CURLMcode) throws(HTTPError) {
        guard code != CURLM_OK else { return }
        let text = String(cString: curl_multi_strerror(code))
        throw HTTPError(.unexpected, "libcurl: \(text)", mayHaveBeenSent: false)
    }
}
