import SnapshotManagers
import Testing

@Suite("sanoid's command line")
struct SanoidArgumentsTests {
    /// What Perl 5.36's Getopt::Long made of each.
    @Test(
        "is read as Getopt::Long reads it",
        arguments: [
            (["--configdir=/a"], "/a"), (["--configdir", "/a"], "/a"), (["-configdir", "/a"], "/a"),
            (["+configdir=/a"], "/a"), (["--conf=/a"], "/a"), (["--co", "/a"], "/a"), (["--CONFIGDIR=/a"], "/a"),
            (["--Config", "/a", "--cron"], "/a"), (["--run-dir", "--configdir=/b", "--configdir=/a"], "/a"),
            (["--configdir=/b", "--configdir", "/a"], "/a"), (["--", "--configdir=/a"], nil),
            (["--cron", "word", "--configdir=/a"], "/a"), (["--configdir=/a=b"], "/a=b"),
            (["--configdir", "--cron"], "--cron"), (["--cache-ttl", "5", "--configdir=/a"], "/a"),
            (["--cache-d", "/x", "--configdir=/a"], "/a"), (["-", "--configdir=/a"], "/a"),
            (["--configdir", "--"], "--"), (["--configdir", "conf"], "conf"), (["--cron", "--verbose"], nil), ([], nil),
            // These sanoid refuses, and calls no hook.
            (["--c", "/a"], nil), (["--configdir"], nil), (["--configdir="], nil), (["--configdirs=/a"], nil),
            (["---configdir=/a"], nil),
        ] as [([String], String?)])
    func options(arguments: [String], expected: String?) {
        #expect(SanoidArguments(arguments).configurationDirectory == expected)
    }

    @Test(
        "begins behind the interpreter, its switches and the script, which is called as the process is",
        arguments: [
            (["/usr/bin/perl", "-w", "/usr/sbin/sanoid", "--configdir", "/a"], "sanoid", "/a"),
            (["/usr/bin/perl", "/usr/sbin/sanoid", "--cron", "--configdir=/a"], "sanoid", "/a"),
            (
                ["/nix/store/x-perl/bin/perl", "/nix/store/y/bin/.sanoid-wrapped", "--configdir", "/a"],
                ".sanoid-wrapped", "/a"
            ),
            (["sanoid", "--configdir", "/a"], "sanoid", "/a"),
            (["/usr/bin/perl", "-w", "/usr/sbin/sanoid", "--cron"], "sanoid", nil),
            // Not its own command line.
            (["/usr/bin/perl", "/usr/sbin/other", "--configdir", "/a"], "sanoid", nil),
            (["/usr/bin/perl", "/x/other", "/usr/sbin/sanoid", "--configdir", "/a"], "sanoid", nil),
            (["/usr/bin/perl", "-e", "1", "--configdir", "/a"], "sanoid", nil), (["/usr/bin/perl"], "sanoid", nil),
            ([], "sanoid", nil), ([""], "sanoid", nil),
        ] as [([String], String, String?)])
    func commandLine(words: [String], process: String, expected: String?) {
        #expect(SanoidArguments(commandLine: words, of: process)?.configurationDirectory == expected)
    }
}
