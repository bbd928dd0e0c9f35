/// What documents name of other programs: whoever adds a word here has looked it up there.
enum Others {
    static let options: Set<String> = [
        // sanoid, syncoid, zfs-auto-snapshot
        "--configdir", "--monitor-snapshots", "--take-snapshots", "--pre-snapshot", "--post-snapshot", "--quiet",
        "--syslog", "--label",
        "--keep",
        // znapzend, znapzendzetup, zfs-autobackup
        "--skipOnPreSnapCmdFail", "--noaction", "--test", "--readonly", "--conf", "--recursive", "--pre-snap-command",
        "--post-snap-command", "--pre-snapshot-cmd",
        "--post-snapshot-cmd", "--allow-empty", "--ssh-source", "--verbose",
        // virsh
        "--all", "--info", "--nvram", "--quiesce", "--reason", "--title", "--wait", "--undefinesource", "--memspec",
        "--disk-only",
        // qemu-ga
        "--block-rpcs",
        // MariaDB's and MySQL's clients
        "--defaults-extra-file",
        // node_exporter
        "--collector",
        // systemd, apt, swift, our own scripts
        "--now", "--grep", "--filter", "--default-user", "--root-user", "--skip-build",
    ]

    /// Words with an underscore that are no keys of ours.
    static let words: Set<String> = [
        // sanoid.conf
        "pre_snapshot_script", "post_snapshot_script", "pruning_script", "pre_pruning_script", "script_timeout",
        "no_inconsistent_snapshot", "force_post_snapshot_script",
        // zrepl, znapzend
        "err_is_fatal", "pre_snapshot", "post_snapshot", "pre_znap_cmd", "post_znap_cmd",
        // node_exporter
        "node_textfile_scrape_error",
        // libvirt, VMware, TrueNAS
        "security_driver", "vmware_sync", "no_root_squash",
        // MariaDB and MySQL, PostgreSQL, SQL Server, SELinux
        "innodb_flush_log_at_trx_commit", "innodb_max_dirty_pages_pct", "full_page_writes", "pg_wal", "is_copy_only",
        "virt_qemu_ga_run_unconfined", "apparmor_parser",
        // libvirt's attributes, C, an example that is none
        "copy_on_read", "detect_zeroes", "on_poweroff", "zvol_id", "key",
    ]
}
