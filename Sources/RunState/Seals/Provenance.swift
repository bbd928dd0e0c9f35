internal import JSON
internal import Support

/// Who vouches for something that was found.
package enum Provenance: Sendable, Equatable {
    /// This host wrote it.
    case own
    /// A host wrote it whose key was imported; its name, for people.
    case trusted(host: String)
    /// Nobody; why, in words.
    case none(String)

    package var isVouchedFor: Bool { if case .none = self { false } else { true } }

    /// Why nobody vouches for it; nil where somebody does.
    package var doubt: String? { if case .none(let why) = self { why } else { nil } }
}

extension SealKeys {
    /// Who has sealed this content.
    /// - Parameter seal: nil where there is none.
    func provenance(of content: SealedContent, _ seal: Seal?) -> Provenance {
        guard let seal else { return .none("it is not sealed") }
        let own: Own?
        do {
            own = try ownIfAny()
        } catch {
            return .none("\(error)")
        }
        if let own {
            switch seal.fits(content, own.home) {
            case true?: return .own
            case false?: return .none("it was changed after this host sealed it")
            case nil: break
            }
        }
        for (key, host) in trusted().keys {
            switch seal.fits(content, key) {
            case true?: return .trusted(host: host)
            case false?: return .none("it was changed after \(printable(host)) sealed it")
            case nil: continue
            }
        }
        // Of its two keys the last one is handed out.
        let id = seal.marks.prefix(Seal.mostMarks).last.map { printable($0.key) } ?? "none"
        return .none("it is sealed with another host's key (\(id))")
    }

    /// The same for a seal as it stands in a file.
    package func provenance(of content: SealedContent, text: [UInt8]?) -> Provenance {
        guard let text else { return .none("it is not sealed") }
        guard let seal = try? JSON.decode(Seal.self, from: text) else { return .none("its seal is damaged") }
        return provenance(of: content, seal)
    }
}
