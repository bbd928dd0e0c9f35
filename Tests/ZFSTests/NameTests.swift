import Testing
import ZFS

@Suite("A dataset's name")
struct DatasetNameTests {
    @Test(
        "is what ZFS accepts",
        arguments: [
            "tank", "tank/VM", "tank/VM/web 1", "tank/a-b_c.d:e", "r2/0", "tank/.hidden", "tank/...",
            "tank/" + String(repeating: "x", count: 250),
        ])
    func valid(text: String) throws {
        let name = try DatasetName(text)
        #expect(name.rawValue == text)
        #expect(name.description == text)
    }

    @Test(
        "is refused otherwise, with the reason",
        arguments: [
            ("", .empty, "empty"),
            ("/tank", .emptyComponent, "begins with a slash"),
            ("tank/", .emptyComponent, "ends with a slash"),
            ("tank//VM", .emptyComponent, "two slashes"),
            ("tank/./VM", .dotComponent, ". or .."),
            ("tank/..", .dotComponent, ". or .."),
            ("tank/VM@daily", .invalidCharacter, "'@' at position 8"),
            ("tank#mark", .invalidCharacter, "'#' at position 5"),
            ("tank/%recv", .invalidCharacter, "'%' at position 6"),
            ("tank/größe", .invalidCharacter, "'ö' at position 8"),
            ("tank/a\nb", .invalidCharacter, "'\\n' at position 7"),
            ("tank/a\u{1B}[0m", .invalidCharacter, "\\u{1B}"),
            ("tank,rpool", .invalidCharacter, "','"),
            ("-r", .noLetter, "letter"),
            ("0tank", .noLetter, "letter"),
            ("tank/" + String(repeating: "x", count: 251), .tooLong, "256 bytes"),
            (String(repeating: "x", count: 300), .tooLong, "300 bytes"),
        ] as [(String, NameError.Code, String)])
    func invalid(text: String, code: NameError.Code, words: String) throws {
        let error = #expect(throws: NameError.self) { try DatasetName(text) }
        #expect(error?.code == code)
        let message = try #require(error).message
        #expect(message.contains(words))
        #expect(!message.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F })
        #expect(message.count < 250)
    }

    @Test("knows its parent and its pool")
    func parents() throws {
        let name = try DatasetName("tank/VM/web")
        #expect(name.parent == (try DatasetName("tank/VM")))
        #expect(name.parent?.parent == (try DatasetName("tank")))
        #expect(name.parent?.parent?.parent == nil)
        #expect(name.pool == (try DatasetName("tank")))
    }

    @Test(
        "lies below another by whole components",
        arguments: [
            ("tank/VM", "tank/VM", true), ("tank/VM/a", "tank/VM", true), ("tank/VM/a/b", "tank", true),
            ("tank/VM2", "tank/VM", false), ("tank", "tank/VM", false), ("tank2", "tank", false),
            ("tank/VM a", "tank/VM", false),
        ])
    func descendants(name: String, other: String, expected: Bool) throws {
        #expect(try DatasetName(name).isSameOrDescendant(of: DatasetName(other)) == expected)
    }

    @Test("sorts before its own descendants, and those before its neighbours")
    func order() throws {
        let names = try ["a-1", "a/b", "a", "a/b/c", "a/b-1", "b"].map { (text) in try DatasetName(text) }
        #expect(names.sorted().map(\.rawValue) == ["a", "a/b", "a/b/c", "a/b-1", "a-1", "b"])
    }
}

@Suite("A snapshot's name")
struct SnapshotNameTests {
    @Test(
        "has a dataset and a name", arguments: [("tank/VM", "daily"), ("tank", "autosnap_2024-01-01_00:00:00_daily")])
    func parts(dataset: String, name: String) throws {
        let snapshot = try SnapshotName("\(dataset)@\(name)")
        #expect(snapshot.dataset.rawValue == dataset)
        #expect(snapshot.name == name)
        #expect(snapshot.rawValue == "\(dataset)@\(name)")
        #expect(snapshot == (try SnapshotName(dataset: DatasetName(dataset), name: name)))
    }

    @Test("may have spaces")
    func spaces() throws {
        #expect(try SnapshotName("tank/my VM@before update").name == "before update")
    }

    @Test(
        "is refused where ZFS would",
        arguments: [
            ("tank/VM", .noSnapshot, "DATASET@NAME"),
            ("@daily", .empty, "dataset is empty"),
            ("tank@", .empty, "snapshot name is empty"),
            ("tank@a@b", .invalidCharacter, "'@' at position 2"),
            ("tank@a/b", .invalidCharacter, "'/' at position 2"),
            ("tank@a\tb", .invalidCharacter, "'\\t' at position 2"),
            ("tank@..", .dotComponent, ". or .."),
            ("tank@" + String(repeating: "x", count: 251), .tooLong, "256 bytes"),
            ("tank@" + String(repeating: "x", count: 300), .tooLong, "300 bytes"),
        ] as [(String, NameError.Code, String)])
    func invalid(text: String, code: NameError.Code, words: String) {
        let error = #expect(throws: NameError.self) { try SnapshotName(text) }
        #expect(error?.code == code)
        #expect(error?.message.contains(words) == true)
    }

    @Test("may have 255 bytes in all")
    func longest() throws {
        #expect(try SnapshotName("tank@" + String(repeating: "x", count: 250)).rawValue.utf8.count == 255)
    }
}
