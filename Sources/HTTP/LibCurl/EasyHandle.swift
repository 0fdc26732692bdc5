import CCurl

/// One `CURL *`: the options and results of a transfer. It is not thread-safe.
struct EasyHandle: ~Copyable {
    /// The pointer that libcurl passes to every callback and with every finished transfer.
    typealias Context = UnsafeMutableRawPointer

    private let handle: UnsafeMutableRawPointer
    /// The buffer into which libcurl writes the text of a failure, possibly until its cleanup.
    private let errorBuffer: UnsafeMutablePointer<CChar>

    init() throws(HTTPError) {
        guard let handle = curl_easy_init() else { throw HTTPError(.unexpected, "No memory for libcurl", mayHaveBeenSent: false) }
        self.handle = handle
        errorBuffer = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorBuffer.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        curl_easy_cleanup(handle)
        errorBuffer.deallocate()
    }

    // MARK: Options, by the type that libcurl's manual gives them

    func set(_ option: CURLoption, _ value: Int) throws(HTTPError) {
        try check(CCurl_easy_set_long(handle, option, value))
    }

    func set(_ option: CURLoption, _ value: String?) throws(HTTPError) {
        try check(CCurl_easy_set_string(handle, option, value))
    }

    /// - Parameter list: a list that must live until it is replaced or the transfer has ended.
    func set(_ option: CURLoption, _ list: borrowing HeaderList) throws(HTTPError) {
        try check(CCurl_easy_set_list(handle, option, list.head))
    }

    /// Makes the handle forget a list. It cannot fail: libcurl only drops a pointer.
    func clearList(_ option: CURLoption) {
        CCurl_easy_set_list(handle, option, nil)
    }

    func copyBody(_ bytes: [UInt8]) throws(HTTPError) {
        try check(CCurl_easy_copy_body(handle, bytes, bytes.count))
    }

    /// - Parameter context: passed to each function and to ``MultiHandle/forEachFinished(_:)``; it must outlive this handle.
    func setCallbacks(
        context: Context,
        header: @escaping curl_write_callback,
        body: @escaping curl_write_callback,
        beforeRequest: @escaping curl_prereq_callback,
        openSocket: @escaping curl_opensocket_callback,
        beforeHandshake: @escaping curl_ssl_ctx_callback
    ) throws(HTTPError) {
        try check(CCurl_easy_set_pointer(handle, CURLOPT_ERRORBUFFER, errorBuffer))
        try check(CCurl_easy_set_pointer(handle, CURLOPT_PRIVATE, context))
        try check(CCurl_easy_set_write_function(handle, CURLOPT_HEADERFUNCTION, header))
        try check(CCurl_easy_set_pointer(handle, CURLOPT_HEADERDATA, context))
        try check(CCurl_easy_set_write_function(handle, CURLOPT_WRITEFUNCTION, body))
        try check(CCurl_easy_set_pointer(handle, CURLOPT_WRITEDATA, context))
        try check(CCurl_easy_set_prereq_function(handle, beforeRequest))
        try check(CCurl_easy_set_pointer(handle, CURLOPT_PREREQDATA, context))
        try check(CCurl_easy_set_opensocket_function(handle, openSocket))
        try check(CCurl_easy_set_pointer(handle, CURLOPT_OPENSOCKETDATA, context))
        try check(CCurl_easy_set_ssl_context_function(handle, beforeHandshake))
        try check(CCurl_easy_set_pointer(handle, CURLOPT_SSL_CTX_DATA, context))
    }

    // MARK: Answers

    /// libcurl's text about the last failure; empty if it has none. libcurl clears it when a transfer begins.
    var errorText: String { String(cString: errorBuffer) }

    func get(_ info: CURLINFO) -> Int {
        var value = 0
        CCurl_easy_get_long(handle, info, &value)
        return value
    }

    /// A time in microseconds.
    func getTime(_ info: CURLINFO) -> Duration {
        var value: curl_off_t = 0
        CCurl_easy_get_offset(handle, info, &value)
        return .microseconds(value)
    }

    static func context(of easy: UnsafeMutableRawPointer) -> Context? {
        var context: Context?
        CCurl_easy_get_pointer(easy, CURLINFO_PRIVATE, &context)
        return context
    }

    // MARK: Membership

    func join(_ multi: UnsafeMutableRawPointer) -> CURLMcode {
        curl_multi_add_handle(multi, handle)
    }

    func leave(_ multi: UnsafeMutableRawPointer) {
        curl_multi_remove_handle(multi, handle)
    }

    private func check(_ code: CURLcode) throws(HTTPError) {
        guard code != CURLE_OK else { return }
        let text = String(cString: curl_easy_strerror(code))
        throw HTTPError(.unexpected, "libcurl: \(text)", mayHaveBeenSent: false)
    }
}
