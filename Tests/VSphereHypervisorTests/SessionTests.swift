import Hypervisor
import Support
import Testing
import XMLTree

@testable import VSphereHypervisor

@Suite("Sessions with a vSphere server")
struct SessionTests {
    private let soon = ContinuousClock.now + .seconds(10)

    @Test("The first call logs in, with the password escaped and the version that the server speaks")
    func loggingIn() async throws {
        let transport = FakeServer().transport
        let session = testSession(transport)
        _ = try await session.inspect(.vm("vm-1"), until: soon)
        #expect(transport.received.map(\.method) == ["RetrieveServiceContent", "Login", "RetrievePropertiesEx"])
        #expect(transport.received[1].argument("password") == "p&w<d")
        #expect(transport.received[2].action == "urn:vim25/8.0.0.0")
        #expect(transport.received[2].cookie == "vmware_soap_session=1")
        await session.close()
        #expect(transport.count("Logout") == 1)
    }

    @Test("Many that come at once share one login")
    func singleFlight() async throws {
        let transport = FakeServer().transport
        let session = testSession(transport)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask { _ = try await session.inspect(.vm("vm-1"), until: self.soon) }
            }
            try await group.waitForAll()
        }
        #expect(transport.count("Login") == 1)
    }

    @Test("A session that the server has forgotten is renewed once, and the call repeated")
    func renewal() async throws {
        let transport = FakeServer { call, count in
            call.method == "RetrievePropertiesEx" && count == 1 ? .reply(.fault("NotAuthenticated")) : nil
        }.transport
        let view = try await testSession(transport).inspect(.vm("vm-1"), until: soon)
        #expect(view.state != nil)
        #expect(transport.count("Login") == 2)
        #expect(transport.received.last?.cookie == "vmware_soap_session=2")
    }

    @Test("A server that never knows the session is not logged in to for ever")
    func endlessRenewal() async throws {
        let transport = FakeServer { call, _ in
            call.method == "RetrievePropertiesEx" ? .reply(.fault("NotAuthenticated")) : nil
        }.transport
        await #expect(throws: CallFailure.self) {
            try await testSession(transport).inspect(.vm("vm-1"), until: soon)
        }
        #expect(transport.count("Login") == 2)
    }

    @Test("An answer whose properties all lack a session counts as a forgotten session")
    func silentlyForgotten() async throws {
        let transport = FakeServer { call, count in
            guard call.method == "RetrievePropertiesEx", count == 1 else { return nil }
            return .reply(
                .result(
                    """
                    <returnval><objects><obj type="Task">task-1</obj><missingSet><path>info.state</path><fault>\
                    <fault xsi:type="NotAuthenticated"/><localizedMessage/></fault></missingSet></objects></returnval>
                    """))
        }.transport
        _ = try await testSession(transport).inspect(.vm("vm-1"), until: soon)
        #expect(transport.count("Login") == 2)
    }

    @Test(
        "What passes is waited for when nothing changes by the call",
        arguments: [
            ScriptedTransport.Reply.status(503), .dropped, .raw("<cut"), .fault("HostCommunication"),
        ])
    func repeating(_ reply: ScriptedTransport.Reply) async throws {
        let transport = FakeServer { call, count in
            call.method == "RetrievePropertiesEx" && count < 3 ? .reply(reply) : nil
        }.transport
        _ = try await testSession(transport).inspect(.vm("vm-1"), until: soon)
        #expect(transport.count("RetrievePropertiesEx") == 3)
    }

    @Test("A call that changes something is sent once")
    func notRepeating() async throws {
        let transport = FakeServer { call, _ in call.method == "PowerOffVM_Task" ? .reply(.dropped) : nil }.transport
        await #expect(throws: CallFailure.self) {
            try await testSession(transport).start(SOAPCall("PowerOffVM_Task", on: .vm("vm-1")), until: soon)
        }
        #expect(transport.count("PowerOffVM_Task") == 1)
    }

    @Test("A refused login names the account and never the password")
    func wrongPassword() async throws {
        let transport = FakeServer { call, _ in call.method == "Login" ? .reply(.fault("InvalidLogin")) : nil }
            .transport
        let error = await #expect(throws: HypervisorError.self) {
            try await testSession(transport).inspect(.vm("vm-1"), until: soon)
        }
        #expect(error?.description.contains { $0 == "&" } == false)
        #expect(error?.message.hasPrefix("https://vc.test/sdk refuses the login of stillpoint") == true)
        #expect(transport.count("Login") == 1)
    }

    @Test(
        "What is no vSphere server is said to be none",
        arguments: [
            "<html><body>hello</body></html>", "", "<a", "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>",
            String(repeating: "<a>", count: 5000),
        ])
    func noServer(_ text: String) async {
        let transport = ScriptedTransport { _, _ in .raw(text) }
        let error = await #expect(throws: HypervisorError.self) { try await testSession(transport).open() }
        #expect(error?.description.hasPrefix("the vSphere server cannot be used: https://vc.test/sdk ") == true)
    }

    @Test(
        "The version is the newest that both sides speak",
        arguments: [
            ("5.5", "urn:vim25/6.0"), ("6.0", "urn:vim25/6.0"), ("6.5", "urn:vim25/6.5"), ("6.7.3", "urn:vim25/6.7"),
            ("7.0", "urn:vim25/7.0"), ("7.0.3.0", "urn:vim25/7.0"), ("8.0.2.0", "urn:vim25/8.0.0.0"),
            ("9.1", "urn:vim25/8.0.0.0"),
        ])
    func versions(_ told: String, _ spoken: String) throws {
        #expect(try required(APIVersion(told)).action == spoken)
    }

    @Test("No call begins after the deadline")
    func late() async throws {
        let transport = FakeServer().transport
        let session = testSession(transport)
        _ = try await session.inspect(.vm("vm-1"), until: soon)
        let before = transport.received.count
        let error = await #expect(throws: CallFailure.self) {
            try await session.inspect(.vm("vm-1"), until: .now - .milliseconds(1))
        }
        #expect(error?.kind == .unreachable)
        #expect(error?.mayHaveActed == false)
        #expect(transport.received.count == before)
    }

    @Test("Secrets print as stars")
    func secrets() {
        let secret = Secret("geheim")
        var dumped = ""
        dump(secret, to: &dumped)
        #expect("\(secret) \(String(reflecting: secret))" == "*** ***")
        #expect(!dumped.contains("geheim"))
        #expect(secret.reveal() == "geheim")
    }
}
