/// A key whose folder messages name too.
struct FolderKey {
    let rawValue: String

    static let stateDirectory = FolderKey(rawValue: "state_dir")
    static let overlayDirectory = FolderKey(rawValue: "overlay_dir")
    static let ramDirectory = FolderKey(rawValue: "ram_dir")
    static let coldStorage = FolderKey(rawValue: "cold_storage")
}
