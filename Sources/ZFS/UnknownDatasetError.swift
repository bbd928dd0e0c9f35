/// A dataset that is not there.
public struct UnknownDatasetError: Error, CustomStringConvertible {
    /// Its name.
    public let dataset: DatasetName

    /// Of a dataset that zfs does not list.
    public init(dataset: DatasetName) { self.dataset = dataset }

    /// One line, with the way out.
    public var description: String {
        "the dataset \(dataset) does not exist; 'zfs list' shows those that do"
    }
}
