import Testing

@testable import VSphereHypervisor

@Suite("Certificates by thumbprint")
struct ThumbprintTests {
    // openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=esxi.test -days 36500
    private let pem = """
        -----BEGIN CERTIFICATE-----
        MIIBgDCCASWgAwIBAgIUM4rPzqQeLwFnZZzRdMgKHo2UqywwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJZXN4aS50ZXN0MCAXDTI2MTEyMTE4MTE1NloYDzIxMjYxMDI4
        MTgxMTU2WjAUMRIwEAYDVQQDDAllc3hpLnRlc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAATaEBxIJ2HDSJ2rTYiIC6X+ZIGbFbvpBfKdReIe5zm0/oSQBK8LOaln
        r9HUDMYiUI+87Zg3E0SJ+R+v8ofkv5gco1MwUTAdBgNVHQ4EFgQUXHgrOowc1FVk
        yLNYEXnDJ+JC1tswHwYDVR0jBBgwFoAUXHgrOowc1FVkyLNYEXnDJ+JC1tswDwYD
        VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEA6qfldssfqWxLAxN8W9IS
        eyQ3y4ivat+VUiOq3HhmQ9YCIQDeCqnPwqiqFJaHTFHuYUSa2B+bH4fZocn39Tx6
        Iennrg==
        -----END CERTIFICATE-----
        """

    @Test("A certificate's digest and its key's pin are what openssl says")
    func digests() throws {
        let thumbprint = try required(Thumbprint(pem: pem))
        #expect(thumbprint.digits == "424b0d66e9abaacb177522c04545d8d078ada4402625969753c7de40cda261fd")
        #expect(thumbprint.publicKey == "LAq7vtyFtSjrDXkyCJH7Lzdy3fv0b9XfeDwhAFnfkXY=")
    }

    @Test("What is no certificate is none", arguments: ["", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"])
    func noCertificate(_ text: String) {
        #expect(Thumbprint(pem: text) == nil)
    }

    @Test("A certificate that is cut off, wherever, is none")
    func cutOff() throws {
        let body = pem.split(separator: "\n").dropFirst().dropLast().joined()
        let whole = try required(Base64.decode(body))
        for count in 0..<whole.count {
            #expect(DER.publicKeyInfo(ofCertificate: Array(whole[..<count])) == nil)
        }
        #expect(DER.publicKeyInfo(ofCertificate: whole) != nil)
    }

    @Test("Base64 is read and written", arguments: [[], [0], [1, 2], [1, 2, 3], [255, 254, 253, 252]] as [[UInt8]])
    func base64(_ bytes: [UInt8]) {
        #expect(Base64.decode(Base64.encode(bytes)) == bytes)
    }

    @Test(
        "openssl is told where to look",
        arguments: [
            ("https://vc1.example.com/sdk", "vc1.example.com:443"), ("https://10.0.0.1:8443/sdk", "10.0.0.1:8443"),
            ("https://[fe80::1]/sdk", "[fe80::1]:443"), ("https://[fe80::1]:9443/sdk", "[fe80::1]:9443"),
        ])
    func hosts(_ url: String, _ host: String) {
        #expect(hostAndPort(url) == host)
    }
}
