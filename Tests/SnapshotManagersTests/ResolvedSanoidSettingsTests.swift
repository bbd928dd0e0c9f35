import Glibc
import TestSupport
import Testing
import ZFS

@testable import SnapshotManagers

/// sanoid.conf in odd shapes, and what each version of sanoid makes of them.
@Suite("What sanoid makes of its file")
struct ResolvedSanoidSettingsTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let conf: String
        var dataset = "tank"
        /// Seconds of the alarm, 0 for none, for 2.1, 2.2 and 2.3, or for all of them alike.
        let alarm: [Int]
        /// Whether all below is snapshotted in one go, the same way.
        var isZFS = [false]
        var testDescription: String { conf.debugDescription }
    }

    static let rows = [
        // A comment behind a value is part of it.
        Row(conf: "[tank]\nuse_template = vms   # all VMs\n[template_vms]\nscript_timeout = 60\n", alarm: [5]),
        Row(conf: "[tank]\nuse_template = vms ; all\n[template_vms]\nscript_timeout = 60\n", alarm: [5]),
        Row(conf: "[tank]\nscript_timeout = 60 # a minute\n", alarm: [60]),
        Row(conf: "[tank]\nscript_timeout = 60;x\n", alarm: [60]),
        Row(conf: "[tank]\nrecursive = zfs # all\n", alarm: [5], isZFS: [true]),
        Row(conf: "[tank]\nrecursive = yes # not zfs\n", alarm: [5], isZFS: [true]),
        Row(conf: "[tank]\nrecursive = yes # all\nscript_timeout = 60\n", dataset: "tank/a", alarm: [0]),
        Row(conf: "[tank]\n# script_timeout = 60\n ; script_timeout = 60\n\t#x\n", alarm: [5]),
        // Keys and sections that stand twice.
        Row(conf: "[tank]\nscript_timeout = 60\nscript_timeout = 70\n", alarm: [0, 60, 60]),
        Row(conf: "[tank]\nrecursive = zfs\nrecursive = no\n", alarm: [5], isZFS: [false, true, true]),
        Row(conf: "[tank]\nrecursive = no\nrecursive = zfs\n", alarm: [5]),
        Row(
            conf: "[tank]\nuse_template = a\nuse_template = b\n[template_a]\nscript_timeout = 61\n",
            alarm: [5, 61, 61]),
        Row(
            conf: "[tank]\nuse_template = a\n[template_a]\nscript_timeout = 61\nscript_timeout = 62\n",
            alarm: [0, 0, 61]),
        Row(
            conf: "[template_a]\nscript_timeout = 61\nscript_timeout = 62\n[tank]\nuse_template = a\n",
            alarm: [0, 61, 61]),
        Row(conf: "[tank]\ndaily = 1\n[rpool]\ndaily = 1\n[tank]\nscript_timeout = 63\n", alarm: [63]),
        Row(conf: "[tank]\nrecursive = zfs\n[tank]\nscript_timeout = 63\n", alarm: [63], isZFS: [true]),
        Row(conf: "[template_default]\nscript_timeout = 8\nscript_timeout = 9\n[tank]\ndaily = 1\n", alarm: [0, 8, 8]),
        Row(conf: "[tank]\ndaily = 1\n[template_default]\nscript_timeout = 8\nscript_timeout = 9\n", alarm: [0]),
        // Blanks, quotes, case.
        Row(conf: "[tank]\nrecursive = yes \nscript_timeout = 64\n", dataset: "tank/a", alarm: [0, 0, 64]),
        Row(conf: "[tank]\nrecursive = zfs\t \n", alarm: [5], isZFS: [true]),
        Row(conf: "[tank]\nuse_template = a \n[template_a]\nscript_timeout = 65\n", alarm: [65]),
        Row(conf: "[tank]\nuse_template = b , a,\n[template_a]\nscript_timeout = 65\n", alarm: [65]),
        Row(conf: "[tank]\nuse_template = b,\ta\n[template_a]\nscript_timeout = 65\n", alarm: [5]),
        Row(conf: "[tank]\nuse_template = \"a\"\n[template_a]\nscript_timeout = 65\n", alarm: [5]),
        Row(conf: "[tank]\nuse_template = A\n[template_a]\nscript_timeout = 65\n", alarm: [5]),
        Row(conf: "[tank]\nscript_timeout = \"60\"\n", alarm: [0]),
        Row(conf: "[tank]\nscript_timeout = '60'\n", alarm: [0]),
        Row(conf: "[tank]\nrecursive = \"zfs\"\n", alarm: [5], isZFS: [true]),
        Row(conf: "[tank]\nrecursive = ZFS\n", alarm: [5], isZFS: [true]),
        Row(conf: "[tank]\nrecursive = YES\nscript_timeout = 66\n", dataset: "tank/a", alarm: [66]),
        Row(conf: "[tank]\nrecursive = YeS\nscript_timeout = 66\n", dataset: "tank/a", alarm: [0]),
        Row(conf: "  [  tank  ]  \n  script_timeout=66  \n", alarm: [66]),
        Row(conf: "[tank]\nscript_timeout\t=\t66\n", alarm: [66]),
        Row(conf: "[tank]\r\nscript_timeout = 66\r\nrecursive = zfs\r\n", alarm: [66], isZFS: [true]),
        Row(conf: "[tank]\nscript_timeout = 66\r\nuse_template = a\r\n[template_a]\nscript_timeout = 1\n", alarm: [66]),
        Row(conf: "[tank]\nscript_timeout = 66", alarm: [66]),
        // Regular expressions by accident.
        Row(conf: "[tank]\nrecursive = yes?\nscript_timeout = 67\n", dataset: "tank/a", alarm: [67]),
        Row(conf: "[tank]\nrecursive = maybe|on\nscript_timeout = 67\n", dataset: "tank/a", alarm: [67]),
        Row(conf: "[tank]\nrecursive = .\nscript_timeout = 67\n", dataset: "tank/a", alarm: [67]),
        // No continuation lines, but here documents.
        Row(conf: "[tank]\nuse_template = a, \\\nscript_timeout = 68\n[template_a]\nscript_timeout = 1\n", alarm: [68]),
        Row(conf: "[tank]\nuse_template = <<END\na\nEND\n[template_a]\nscript_timeout = 69\n", alarm: [69]),
        Row(conf: "[tank]\nscript_timeout = <<END\n70\n71\nEND\n", alarm: [0, 70, 70]),
        // Templates.
        Row(conf: "[tank]\nuse_template = none\n", alarm: [5]),
        Row(conf: "[tank]\nuse_template = none,a\n[template_a]\nscript_timeout = 72\n", alarm: [72]),
        Row(
            conf: "[tank]\nuse_template = a,a,b\n[template_a]\nscript_timeout = 1\n[template_b]\nscript_timeout = 73\n",
            alarm: [73]),
        Row(
            conf: "[tank]\nuse_template = a\n[template_a]\nuse_template = b\n[template_b]\nscript_timeout = 74\n",
            alarm: [5]),
        Row(conf: "[tank]\nuse_template = a\n[template_a]\nrecursive = zfs\nscript_timeout = 75\n", alarm: [75]),
        Row(conf: "[template_default]\nrecursive = zfs\nscript_timeout = 76\n[tank]\ndaily = 1\n", alarm: [76]),
        Row(conf: "[tank]\nscript_timeout = 77\nuse_template = a\n[template_a]\nscript_timeout = 1\n", alarm: [77]),
        // Children, with sections of their own and without.
        Row(conf: "[tank]\nrecursive = zfs\nprocess_children_only = yes\n", alarm: [5]),
        Row(
            conf: "[tank]\nrecursive = yes\nprocess_children_only = yes\nscript_timeout = 78\n", dataset: "tank/a",
            alarm: [78]),
        Row(conf: "[tank]\nrecursive = zfs\n", dataset: "tank/a", alarm: [5]),
        Row(conf: "[tank]\nrecursive = zfs\nautosnap = no\n", alarm: [5]),
        Row(conf: "[tank/a]\nrecursive = zfs\n[tank]\nrecursive = yes\n", dataset: "tank/a", alarm: [5], isZFS: [true]),
        Row(
            conf: "[tank/a]\nrecursive = zfs\n[tank]\nrecursive = yes\n", dataset: "tank/a/b", alarm: [5], isZFS: [true]
        ),
        Row(conf: "[tank]\nrecursive = yes\n[tank/a]\nrecursive = zfs\n", dataset: "tank/a", alarm: [5], isZFS: [true]),
        Row(
            conf:
                "[tank]\nrecursive = 1\n[tank/a]\nuse_template = a\n[template_a]\nscript_timeout = 79\n",
            dataset: "tank/a", alarm: [79]),
        Row(
            conf: "[tank/a]\nscript_timeout = 9\n[tank]\nrecursive = yes\nscript_timeout = 80\n", dataset: "tank/a",
            alarm: [80]),
        Row(conf: "[tank]\nskip_children = yes\n[tank/a]\nscript_timeout = 81\n", dataset: "tank/a", alarm: [81]),
        // What Perl's alarm makes of a text.
        Row(conf: "[tank]\nscript_timeout = 0\n", alarm: [0]), Row(conf: "[tank]\nscript_timeout = 00\n", alarm: [0]),
        Row(conf: "[tank]\nscript_timeout =\n", alarm: [0]), Row(conf: "[tank]\nscript_timeout = -5\n", alarm: [0]),
        Row(conf: "[tank]\nscript_timeout = +5\n", alarm: [0]), Row(conf: "[tank]\nscript_timeout = .5\n", alarm: [0]),
        Row(conf: "[tank]\nscript_timeout = 5.9\n", alarm: [5]),
        Row(conf: "[tank]\nscript_timeout = 1e2x\n", alarm: [100]),
        Row(conf: "[tank]\nscript_timeout = 30s\n", alarm: [30]),
        Row(conf: "[tank]\nscript_timeout = 0x20\n", alarm: [0]),
        Row(conf: "[tank]\nscript_timeout = 1_000\n", alarm: [1]),
        Row(conf: "[tank]\nscript_timeout = never\n", alarm: [0]),
        Row(conf: "[tank]\nscript_timeout = 4294967301\n", alarm: [5]),
        Row(conf: "[tank]\nscript_timeout = 4294967295\n", alarm: [0]),
    ]

    @Test("is what each version of it has", arguments: rows)
    func everyVersion(_ row: Row) throws {
        try withScratchFolder { scratch in
            try scratch.write("sanoid.conf", row.conf)
            let configuration = try SanoidConfiguration(directory: scratch.path, defaultsPaths: [])
            for (index, version) in SanoidVersion.allCases.enumerated() {
                let reading = configuration.reading(by: version, about: try DatasetName(row.dataset))
                let isKnown = reading.settings[row.dataset] != nil
                #expect((isKnown ? reading.alarm(for: row.dataset) ?? 0 : 0) == row.alarm(index), "\(version)")
                #expect(reading.isZFSRecursive(row.dataset) == row.isZFS(index), "\(version)")
            }
        }
    }

    /// `init()` of the sanoid that is installed, over the Config::IniFiles that is.
    @Test("is what the installed sanoid itself says")
    func installed() throws {
        try withScratchFolder { scratch in
            for (index, row) in Self.rows.enumerated() { try scratch.write("\(index).conf", row.conf) }
            try scratch.write("ask.pl", Self.script)
            let sanoid = getenv("STILLPOINT_SANOID").map { String(cString: $0) } ?? "/usr/sbin/sanoid"
            let datasets = Self.rows.map(\.dataset).joined(separator: " ")
            let output = try Self.output(of: "perl \(scratch.path)/ask.pl \(sanoid) \(scratch.path) \(datasets)")
            let lines = output.split(separator: "\n").map(String.init)
            try #require(lines.count == Self.rows.count + 1, "\(output)")
            let version = ["2.0": 0, "2.1": 0, "2.2": 1, "2.3": 2][String(lines[0].prefix(3))]
            let place = try #require(version, "sanoid \(lines[0]) is not known here; read its init()")
            for (index, row) in Self.rows.enumerated() {
                #expect(lines[index + 1] == "\(row.alarm(place)) \(row.isZFS(place) ? 1 : 0)", "\(row.conf)")
            }
        }
    }

    private static let script = #"""
        use Config::IniFiles;
        my ($sanoid, $folder, @datasets) = @ARGV;
        open my $fh, '<', $sanoid or die; local $/; my $source = <$fh>; close $fh; $/ = "\n";
        my ($version) = $source =~ /VERSION = '([\d.]+)'/;
        my ($init) = $source =~ /^(sub init \{.*?^\})/ms;
        our (%args, @cachedatasets, $cachedatasetspath, $cacheTTL, $dataset);
        sub getchilddatasets { my $fs = shift; return grep { index($_, "$fs/") == 0 } ('tank/a', 'tank/a/b'); }
        sub checklock { 0 }
        eval "no strict; no warnings; $init 1" or die $@;
        open my $d, '>', "$folder/defaults"; print $d "[version]\nversion = 2\n[template_default]\nautosnap = 1\n";
        print $d "script_timeout = 5\n";
        print $d "$_ =\n" for qw(path recursive use_template process_children_only skip_children daily);
        close $d;
        print "$version\n";
        for my $i (0..$#datasets) {
            my %config = do { local $SIG{__WARN__} = sub {}; eval { init("$folder/$i.conf", "$folder/defaults") } };
            if ($@) { print "$@"; next; }
            my $name = $datasets[$i];
            my $timeout = $config{$name}{'script_timeout'};
            my $seconds = 0;
            if ($timeout gt 0) { local $SIG{__WARN__} = sub {}; alarm $timeout; $seconds = alarm 0; }
            $seconds = 0 if ref $timeout;
            my @called = grep { $_->{autosnap} && !$_->{process_children_only} } values %config;
            my $zfs = grep { $_->{path} eq $name && $_->{zfs_recursion} } @called;
            print "$seconds ", ($zfs ? 1 : 0), "\n";
        }
        """#

    private static func output(of command: String) throws -> String {
        let stream = try #require(popen(command + " 2>&1", "r"))
        defer { pclose(stream) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = fread(&buffer, 1, buffer.count, stream), count > 0 { bytes += buffer[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension ResolvedSanoidSettingsTests.Row {
    func alarm(_ index: Int) -> Int { alarm.count == 1 ? alarm[0] : alarm[index] }
    func isZFS(_ index: Int) -> Bool { isZFS.count == 1 ? isZFS[0] : isZFS[index] }
}
