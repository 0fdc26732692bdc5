extension JobMessage {
    /// Refuses properties that `schemas/common/job-properties.json` forbids. Recommended ones may be missing.
    ///
    /// - Throws: ``ErrorCode/jobInvalid``, with the property as its field.
    func checkProperties() throws(JobError) {
        guard expiration == nil else {
            throw JobError(
                .jobInvalid,
                "The message has the AMQP property expiration: a queue gives up on it after that time, and no event answers the job.",
                hint: """
                    Leave expiration out, and send the message under a new id. The attribute expirytime of the CloudEvent says until when a \
                    job may begin, and job.expired answers it.
                    """,
                field: "expiration"
            )
        }
        guard !isCopied else {
            throw JobError(
                .jobInvalid,
                "The message has the AMQP header CC.",
                hint: "Publish each job once, with its kind and tenant as the only routing key, under a new id.",
                field: "headers.CC"
            )
        }
    }
}
