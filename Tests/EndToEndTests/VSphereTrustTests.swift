import Testing

/// A server, or a way to reach it, that pre must refuse.
struct RefusedCase: Sendable {
    let name: String
    /// What the one line about it must say.
    let words: [String]
    /// Options of the server.
    var options = "-vms 1"
    /// Shell commands, in the stage's folder, before pre; `$PID` is the server's.
    var prepare = "true"
    /// Lines in the place of `ca_file`; `~` is the stage's folder, `$T` the certificate's thumbprint.
    var trust = "ca_file = ~/ca.pem"
    /// In place of the server's own address.
    var url: String?
    var rules = "[]"

    static let newKey = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"

    static let certificates: [RefusedCase] = [
        RefusedCase(
            name: "a certificate that the system does not trust", words: ["certificate", "thumbprint"],
            trust: ""),
        RefusedCase(
            name: "a certificate of another authority", words: ["certificate"],
            prepare:
                "openssl req -x509 \(newKey) -keyout other.key -out other.pem -subj /CN=vcsim -days 9",
            trust: "ca_file = ~/other.pem"),
        RefusedCase(
            name: "an authority's file that is none", words: ["other.pem"],
            prepare: "echo nonsense > other.pem",
            trust: "ca_file = ~/other.pem"),
        RefusedCase(
            name: "an authority's file that is missing", words: ["missing.pem"],
            trust: "ca_file = ~/missing.pem"),
        RefusedCase(
            name: "another thumbprint", words: ["thumbprint", "$T"],
            trust: "thumbprint = " + String(repeating: "ab", count: 32)),
        RefusedCase(
            name: "a certificate that has expired", words: ["expired"], options: "-vms 1 -certdays -1"),
        RefusedCase(
            name: "a certificate of another host", words: ["127.0.0.1"],
            options: "-vms 1 -certhost other.example.com"),
    ]

    static let logins: [RefusedCase] = [
        RefusedCase(name: "another password", words: ["password"], options: "-vms 1 -pass other"),
        RefusedCase(
            name: "a password file others may read", words: ["password", "chmod 600"],
            prepare: "chmod 644 password"),
        RefusedCase(
            name: "a password file the group may read", words: ["password", "chmod 600"],
            prepare: "chmod 640 password"),
        RefusedCase(
            name: "no password file", words: ["password", "No such file"], prepare: "rm password"),
        RefusedCase(name: "an empty password file", words: ["password", "empty"], prepare: ": > password"),
    ]

    static let answers: [RefusedCase] = [
        RefusedCase(name: "no server at the port", words: ["127.0.0.1:1"], url: "https://127.0.0.1:1/sdk"),
        RefusedCase(
            name: "a host without a name", words: ["nowhere.invalid"], url: "https://nowhere.invalid/sdk"),
        RefusedCase(
            name: "a server that speaks no TLS", words: ["TLS"], options: "-vms 1 -notls", trust: ""),
        RefusedCase(name: "a server that does not answer", words: ["answer"], prepare: "kill -STOP $PID"),
        RefusedCase(name: "no service at the address", words: ["404"], rules: #"[{"httpStatus": 404}]"#),
        RefusedCase(
            name: "10 MB of garbage", words: ["/sdk"], rules: #"[{"answer": "", "garbage": 10485760}]"#),
        RefusedCase(
            name: "10 MB of garbage instead of the inventory", words: ["/sdk"],
            rules: #"[{"method": "RetrievePropertiesEx", "answer": "", "garbage": 10485760}]"#),
        RefusedCase(
            name: "an answer without an end", words: ["/sdk"],
            rules: #"[{"method": "RetrievePropertiesEx", "answer": "<", "garbage": 1000000000}]"#),
        RefusedCase(
            name: "a web page", words: ["/sdk"], rules: #"[{"answer": "<html><p>Sign in</p></html>"}]"#),
        RefusedCase(name: "nothing", words: ["/sdk"], rules: #"[{"answer": ""}]"#),
        RefusedCase(
            name: "XML that ends early", words: ["/sdk"],
            rules:
                #"[{"answer": "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Bo"}]"#
        ),
        RefusedCase(name: "a connection that ends early", words: ["/sdk"], rules: #"[{"truncate": 200}]"#),
        RefusedCase(
            name: "entities that unfold to gigabytes", words: ["/sdk"],
            rules: #"[{"answer": "\#(bomb)"}]"#),
        RefusedCase(
            name: "an entity that names a file", words: ["/sdk"],
            rules: #"""
                [{"answer": "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b SYSTEM \"/etc/passwd\">]><a>&b;</a>"}]
                """#),
    ]

    /// Ten entities, each ten times the one before.
    private static let bomb: String = {
        let entities = (1...9).map { level in
            #"<!ENTITY e\#(level) \""# + String(repeating: "&e\(level - 1);", count: 10) + #"\">"#
        }
        return #"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY e0 \"aaaaaaaaaa\">"# + entities.joined() + "]><a>&e9;</a>"
    }()
}

extension RealParts {
    @Suite("vSphere: what is refused")
    struct VSphereTrustTests {
        private func refuse(_ refused: RefusedCase, _ index: Int) async throws {
            try await VSphereStage.with("vsphere-refused\(index)", options: refused.options) { stage in
                let folder = stage.folder
                let thumbprint = refused.words.contains("$T") ? try await Self.thumbprint(stage) : ""
                try await stage.configure(
                    trust: refused.trust.replacing("~", with: folder), url: refused.url ?? stage.tlsURL)
                try await stage.server.rules(refused.rules)
                try await need(
                    "cd \(folder); PID=\(stage.server.ready.pid); { \(refused.prepare); } 2>/dev/null")
                let clock = ContinuousClock()
                let begin = clock.now
                let goesOn = try await shell(stage.pre("a", options: "--deadline 5"))
                #expect(begin.duration(to: clock.now) < .seconds(6), "\(refused.name)")
                // The snapshot is taken all the same, as it is where libvirtd is down…
                #expect([0, 2].contains(goesOn.status), "\(refused.name): \(goesOn.errors)")
                // …unless the administrator said otherwise.
                try await stage.configure(
                    "on_failure = abort", trust: refused.trust.replacing("~", with: folder),
                    url: refused.url ?? stage.tlsURL)
                let aborts = try await shell(stage.pre("b", options: "--deadline 5"))
                #expect([1, 2].contains(aborts.status), "\(refused.name): \(aborts.errors)")
                try await need("kill -CONT \(stage.server.ready.pid)")

                for said in [goesOn.errors, aborts.errors] {
                    for word in refused.words {
                        #expect(said.contains(word.replacing("$T", with: thumbprint)), "\(refused.name): \(said)")
                    }
                    #expect(!said.contains("secret") && !said.contains("root:x"), "\(refused.name): \(said)")
                    #expect(said.utf8.count < 2000, "\(refused.name): \(said)")
                }
                try await stage.server.rules("[]")
                #expect(try await stage.server.counts().creations == 0, "\(refused.name)")
                try await stage.expectNothingLeft("\(refused.name)")
            }
        }

        /// The SHA-256 of the server's certificate, as Stillpoint writes it.
        private static func thumbprint(_ stage: VSphereStage) async throws -> String {
            try await need(
                """
                openssl x509 -in \(stage.server.certificate) -noout -fingerprint -sha256 \
                    | sed 's/.*=//; s/://g' | tr A-F a-f
                """)
        }

        @Test("A certificate that cannot be trusted")
        func certificates() async throws {
            try await concurrently(RefusedCase.certificates) { try await refuse($0, $1) }
        }

        @Test("A login that does not work")
        func logins() async throws { try await concurrently(RefusedCase.logins) { try await refuse($0, $1) } }

        @Test("An answer that is none")
        func answers() async throws { try await concurrently(RefusedCase.answers) { try await refuse($0, $1) } }

        @Test(
            "The right thumbprint, with and without colons, makes up for an unknown authority and another host's name")
        func pinned() async throws {
            try await VSphereStage.with("vsphere-pinned", options: "-vms 1 -certhost other.example.com") { stage in
                let digits = try await Self.thumbprint(stage)
                let pairs = try await need("echo \(digits) | fold -w2 | paste -sd: | tr a-f A-F")
                for (name, thumbprint) in [("a", digits), ("b", pairs)] {
                    try await stage.configure(trust: "thumbprint = \(thumbprint)")
                    let said = try await stage.cycle(name)
                    #expect(said.status == 0, "\(said.errors)")
                    #expect(try await stage.got(name) == ["web": "quiesced", "db": "quiesced"])
                }
            }
        }

        @Test("A certificate of a private authority's is trusted by ca_file")
        func authority() async throws {
            let folder = "\(try #require(Lab.here).folder)/vsphere-keys"
            try await need(
                """
                mkdir -p \(folder) && cd \(folder) && exec 2>/dev/null
                openssl req -x509 \(RefusedCase.newKey) -keyout ca.key -out ca.pem -subj /CN=Authority -days 9
                openssl req \(RefusedCase.newKey) -keyout key.pem -out request.pem -subj /CN=vc1
                printf 'subjectAltName=IP:127.0.0.1\\n' > names
                openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 \
                    -extfile names -out cert.pem
                """)
            try await VSphereStage.with(
                "vsphere-authority", options: "-vms 1 -cert \(folder)/cert.pem -key \(folder)/key.pem"
            ) { stage in
                try await stage.configure(trust: "ca_file = \(folder)/ca.pem")
                let said = try await stage.cycle("a")
                #expect(said.status == 0, "\(said.errors)")
                #expect(try await stage.got("a") == ["web": "quiesced", "db": "quiesced"])
            }
            try await need("rm -rf \(folder)")
        }

        @Test("The password comes from systemd's credentials too, and is nowhere to be seen")
        func credentials() async throws {
            try await VSphereStage.with("vsphere-credential", options: "-vms 1 -pass hunter2hunter2") { stage in
                try await need(
                    """
                    mkdir -m 700 \(stage.folder)/credentials; umask 077
                    printf hunter2hunter2 > \(stage.folder)/credentials/vc1
                    sed -i /^password_file/d \(stage.configuration)
                    """)
                let environment = "CREDENTIALS_DIRECTORY=\(stage.folder)/credentials"
                // Neither as an argument of a process nor in what is written: every execve and write is checked, the
                // watchdog's too, which ends with post.
                let traced = "\(stage.folder)/trace"
                try await need(
                    """
                    \(environment) strace -f -s 100000 -e trace=execve,write,openat -o \(traced) \(stage.pre("a")) \
                        > \(stage.folder)/out 2>&1 < /dev/null & tracer=$!
                    for i in $(seq 100); do
                        grep -qs '"phase": "frozen"' \(stage.state)/runs/*.json && break; sleep 0.1
                    done
                    zfs snapshot \(stage.dataset)/nfs@a
                    \(environment) \(stage.post("a")) >> \(stage.folder)/out 2>&1 \
                        || { cat \(stage.folder)/out; exit 1; }
                    for i in $(seq 100); do kill -0 $tracer || exit 0; sleep 0.1; done 2> /dev/null
                    kill $tracer; exit 1
                    """)
                #expect(try await stage.got("a") == ["web": "quiesced", "db": "quiesced"])
                try await stage.expectNothingLeft()
                #expect(try await need("grep -c hunter2 \(traced) || true") == "0")
                #expect(try await shell("grep -r hunter2 \(stage.state)").status == 1)
            }
        }
    }
}
