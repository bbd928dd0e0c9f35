/// A dataset that is not there.
public struct UnknownDatasetError: Error, CustomStringConvertible {
    public let dataset: DatasetName

    public init(dataset: DatasetName) { self.dataset = dataset }

    public var description: String {
        "the dataset \(dataset) does not exist; 'zfs list' shows those that do"
    }
}
