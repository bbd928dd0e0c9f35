@testable import INIFile

extension INIFile {
    static func parse(_ text: String, path: String) throws(INIError) -> INIFile {
        try parse(bytes: Array(text.utf8), path: path)
    }
}
