/// A queue in memory: elements are added at the end and leave at the front, each in constant time on average.
struct FirstInFirstOut<Element> {
    private var elements: [Element?] = []
    private var head = 0

    var isEmpty: Bool { head == elements.count }
    var first: Element? { isEmpty ? nil : elements[head] }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func removeFirst() {
        elements[head] = nil
        head += 1
        // Moving what is left costs no more than was removed since the last time.
        if head > elements.count / 2 {
            elements.removeFirst(head)
            head = 0
        }
    }
}
