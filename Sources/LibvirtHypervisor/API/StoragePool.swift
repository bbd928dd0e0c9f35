internal import CLibvirt
internal import Glibc
internal import XMLTree

/// A storage pool of the hypervisor's host; each method is one libvirt call and blocks.
///
/// Unchecked, as `Connection`: libvirt's handles may be used by several threads.
final class StoragePool: @unchecked Sendable {
    // Kept so that the connection outlives its pools.
    let connection: Connection
    private let pointer: virStoragePoolPtr
    private var library: LibvirtLibrary { connection.library }

    fileprivate init(connection: Connection, pointer: virStoragePoolPtr) {
        self.connection = connection
        self.pointer = pointer
    }

    deinit {
        _ = library.functions.virStoragePoolFree(pointer)
    }

    /// Its definition (virStoragePoolGetXMLDesc).
    func document() throws -> XMLElement {
        guard let text = library.functions.virStoragePoolGetXMLDesc(pointer, 0) else {
            throw library.lastError("reading a storage pool's definition")
        }
        defer { free(text) }
        return try XMLElement.parse(String(cString: text))
    }

    /// Has libvirt see what is in it now; refused while a volume of it is being made (virStoragePoolRefresh).
    func refresh() throws {
        guard library.functions.virStoragePoolRefresh(pointer, 0) == 0 else {
            throw library.lastError("reading the storage pool")
        }
    }

    /// Bytes of its file system: free, and all (virStoragePoolGetInfo).
    func room() throws -> (available: UInt64, total: UInt64) {
        var info = virStoragePoolInfo()
        guard library.functions.virStoragePoolGetInfo(pointer, &info) == 0 else {
            throw library.lastError("asking for the storage pool's room")
        }
        return (info.available, info.capacity)
    }

    /// The volume of that name, as far as libvirt has seen it; nil where there is none.
    func volume(named name: String) throws -> StorageVolume? {
        guard let volume = library.functions.virStorageVolLookupByName(pointer, name) else {
            let error = library.lastError("finding the volume \(name)")
            if error.number == Int32(VIR_ERR_NO_STORAGE_VOL.rawValue) { return nil }
            throw error
        }
        return StorageVolume(pool: self, pointer: volume)
    }

    /// Makes a volume, and returns when it is whole (virStorageVolCreateXML).
    func makeVolume(_ definition: XMLElement) throws -> StorageVolume {
        guard let volume = library.functions.virStorageVolCreateXML(pointer, definition.description, 0) else {
            throw library.lastError("making the volume")
        }
        return StorageVolume(pool: self, pointer: volume)
    }

    /// The names of all its volumes, as far as libvirt has seen them.
    func volumeNames() throws -> [String] {
        var list: UnsafeMutablePointer<virStorageVolPtr?>?
        let count = library.functions.virStoragePoolListAllVolumes(pointer, &list, 0)
        guard count >= 0 else { throw library.lastError("listing the volumes") }
        defer { free(list) }
        return (0..<Int(count)).compactMap { index in
            guard let volume = list?[index] else { return nil }
            defer { _ = library.functions.virStorageVolFree(volume) }
            return library.functions.virStorageVolGetName(volume).map { String(cString: $0) }
        }
    }
}

/// A volume of a pool.
final class StorageVolume: @unchecked Sendable {
    private let pool: StoragePool
    private let pointer: virStorageVolPtr
    private var library: LibvirtLibrary { pool.connection.library }

    fileprivate init(pool: StoragePool, pointer: virStorageVolPtr) {
        self.pool = pool
        self.pointer = pointer
    }

    deinit {
        _ = library.functions.virStorageVolFree(pointer)
    }

    /// What libvirt reads in the file now (virStorageVolGetXMLDesc).
    func document() throws -> XMLElement {
        guard let text = library.functions.virStorageVolGetXMLDesc(pointer, 0) else {
            throw library.lastError("reading a volume")
        }
        defer { free(text) }
        return try XMLElement.parse(String(cString: text))
    }

    /// Deletes its file (virStorageVolDelete); libvirt does not look whether anybody has it open.
    func delete() throws {
        guard library.functions.virStorageVolDelete(pointer, 0) == 0 else {
            throw library.lastError("deleting a volume")
        }
    }
}

extension Connection {
    /// The active pool whose volumes are the files of that folder; nil where there is none.
    func storagePool(at folder: String) throws -> StoragePool? {
        var list: UnsafeMutablePointer<virStoragePoolPtr?>?
        let types = [
            VIR_CONNECT_LIST_STORAGE_POOLS_DIR, VIR_CONNECT_LIST_STORAGE_POOLS_FS, VIR_CONNECT_LIST_STORAGE_POOLS_NETFS,
        ]
        let flags = types.reduce(VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE.rawValue) { $0 | $1.rawValue }
        let count = library.functions.virConnectListAllStoragePools(pointer, &list, flags)
        guard count >= 0 else { throw library.lastError("listing the storage pools") }
        defer { free(list) }
        let pools = (0..<Int(count)).compactMap { index in
            list?[index].map { StoragePool(connection: self, pointer: $0) }
        }
        // One that is removed meanwhile is none.
        return pools.first { (try? $0.document().first("target", "path")?.text) == folder }
    }

    /// Makes a pool that is gone when its host is started anew (virStoragePoolCreateXML).
    func makeStoragePool(_ definition: XMLElement) throws -> StoragePool {
        guard let pool = library.functions.virStoragePoolCreateXML(pointer, definition.description, 0) else {
            throw library.lastError("making the storage pool")
        }
        return StoragePool(connection: self, pointer: pool)
    }
}
