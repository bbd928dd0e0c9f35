/// What reading something that others wrote may cost at most; it refuses what would cost more before that is paid for.
///
/// A text of a few megabytes can stand for gigabytes of values or be nested deeper than a stack, and a server's pages need
/// not end: each reader takes one of these and spends from it while it reads.
public struct Budget: Sendable {
    /// Bytes of text.
    public let bytes: Int
    /// Elements and attributes, values, lines or objects.
    public let nodes: Int
    /// Levels, the outermost included.
    public let depth: Int
    /// Answers.
    public let pages: Int

    private var spent = (bytes: 0, nodes: 0, pages: 0)

    /// A budget that bounds what is named here.
    public init(bytes: Int = .max, nodes: Int = .max, depth: Int = .max, pages: Int = .max) {
        self.bytes = bytes
        self.nodes = nodes
        self.depth = depth
        self.pages = pages
    }

    /// The same, unspent, for at most so many bytes.
    public func with(bytes: Int) -> Budget {
        Budget(bytes: bytes, nodes: nodes, depth: depth, pages: pages)
    }

    /// Takes away what is about to be read.
    /// - Throws: ``BudgetError`` where there is not so much left.
    public mutating func spend(bytes: Int = 0, nodes: Int = 0, pages: Int = 0) throws(BudgetError) {
        guard bytes <= self.bytes - spent.bytes else { throw .bytes(self.bytes) }
        guard nodes <= self.nodes - spent.nodes else { throw .nodes(self.nodes) }
        guard pages <= self.pages - spent.pages else { throw .pages(self.pages) }
        spent.bytes += bytes
        spent.nodes += nodes
        spent.pages += pages
    }

    /// - Parameter level: 1 for the outermost.
    /// - Throws: ``BudgetError`` where that is too deep.
    public func enter(level: Int) throws(BudgetError) {
        guard level <= depth else { throw .depth(depth) }
    }
}
