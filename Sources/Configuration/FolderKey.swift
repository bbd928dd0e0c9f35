/// A key whose folder messages name too.
package struct FolderKey {
    package let rawValue: String

    package static let stateDirectory = FolderKey(rawValue: "state_dir")
    package static let overlayDirectory = FolderKey(rawValue: "overlay_dir")
    package static let ramDirectory = FolderKey(rawValue: "ram_dir")
    package static let coldStorage = FolderKey(rawValue: "cold_storage")
}
