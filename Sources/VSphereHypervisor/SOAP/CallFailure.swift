internal import Hypervisor

/// Why a call to the server brought no result; sorted so that its caller knows what to do.
struct CallFailure: Error, Sendable, CustomStringConvertible {
    /// Where it went wrong.
    enum Kind: Sendable, Equatable {
        /// Nobody answers at the address.
        case unreachable
        /// The server's certificate is not trusted: nothing was sent.
        case certificate
        /// No answer within the time allowed.
        case timedOut
        /// The connection broke in the middle.
        case dropped
        /// An HTTP error without a SOAP fault.
        case http(Int)
        /// The answer is no SOAP, or is cut off.
        case garbled
        /// The answer is longer than is accepted.
        case tooLong
        /// The server understood, and refused or failed.
        case fault
    }

    let kind: Kind
    /// What went wrong and how to fix it, in one line.
    let message: String
    /// The server's fault, where `kind` is that.
    let fault: VimFault?

    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
        fault = nil
    }

    init(_ fault: VimFault) {
        kind = .fault
        message = fault.description
        self.fault = fault
    }

    var description: String { message }

    /// It may go through if tried again shortly.
    var isTransient: Bool {
        switch kind {
        case .unreachable, .timedOut, .dropped, .garbled: true
        case .http(let status): [429, 500, 502, 503, 504].contains(status)
        case .certificate, .tooLong: false
        case .fault: fault?.kind == .transient
        }
    }

    /// The server may have done what it was asked for, though it did not say so.
    var mayHaveActed: Bool {
        switch kind {
        case .unreachable, .certificate, .fault: false
        case .http(let status): [500, 502, 504].contains(status)
        case .timedOut, .dropped, .garbled, .tooLong: true
        }
    }

    /// The failure in the words of the model.
    /// - Parameter action: what was being done: "asking vc1 for its VMs".
    func error(_ action: String, remedy: HypervisorError.Remedy) -> HypervisorError {
        let code: HypervisorError.Code =
            switch kind {
            case .unreachable, .certificate: .unreachable
            case .timedOut: .timedOut
            default: .callFailed
            }
        return HypervisorError(code, "\(action): \(message)", remedy: remedy, reason: reason)
    }

    /// Why a strategy failed with it, in a word.
    var reason: ReasonCode {
        switch kind {
        case .unreachable, .certificate, .timedOut, .dropped, .http: .unreachable
        case .garbled, .tooLong: .callFailed
        case .fault: fault?.reason ?? .callFailed
        }
    }
}
