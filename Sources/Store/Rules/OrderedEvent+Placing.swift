package import Contract

extension OrderedEvent {
    /// Gives an event its place in a lane's current epoch.
    ///
    /// - Parameter sequence: the sequence of the epoch's next event.
    package init(placing event: Event, epoch: Int64, next sequence: inout Int64) {
        self.init(event: event, epoch: epoch, sequence: event.type.isSequenced ? sequence : nil)
        if event.type.isSequenced { sequence += 1 }
    }
}
