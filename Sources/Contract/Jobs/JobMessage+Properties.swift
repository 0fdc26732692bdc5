extension JobMessage {
    /// Refuses AMQP properties that `schemas/common/job-properties.json` forbids. Recommended properties may be missing.
    ///
    /// - Throws: ``ErrorCode/jobInvalid``, with the property as its field.
    func checkProperties() throws(JobError) {
        guard expiration == nil else {
            throw JobError(
                .jobInvalid,
                "The message has the AMQP property expiration: after that time, a queue gives up on it, and no event answers the job.",
                hint: """
                    Remove expiration, and send the message under a new id. To limit when a job may start, set the CloudEvent's attribute \
                    expirytime: job.expired then answers a late job.
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
