# A NixOS module: Stillpoint out of its Debian package, its units, and sanoid as root with its hooks. hooks/nixos/README.md
# says why each part is as it is, and what of it was tried.
{ config, lib, pkgs, ... }:

let
  cfg = config.services.stillpoint;

  package = pkgs.stdenv.mkDerivation {
    name = "stillpoint";
    src = cfg.package-file;
    nativeBuildInputs = [ pkgs.dpkg pkgs.autoPatchelfHook ];
    # Loaded at run time, on first need.
    runtimeDependencies = [ pkgs.libvirt pkgs.curl ];
    unpackPhase = "dpkg -x $src .";
    dontStrip = true;
    installPhase = ''
      mkdir -p $out/bin $out/lib/stillpoint $out/lib/systemd/system $out/share
      cp usr/sbin/stillpoint usr/lib/stillpoint/*-snapshot usr/lib/stillpoint/stillpoint-autostart $out/lib/stillpoint
      ln -s ../lib/stillpoint/stillpoint $out/bin/stillpoint
      cp usr/lib/systemd/system/* $out/lib/systemd/system
      cp -r usr/share/man usr/share/doc usr/share/bash-completion usr/share/fish usr/share/zsh $out/share
      substituteInPlace $out/lib/systemd/system/*.service --replace /usr/lib/stillpoint $out/lib/stillpoint
      patchShebangs $out/lib/stillpoint/stillpoint-autostart
    '';
  };

  hooks = {
    pre_snapshot_script = "${package}/lib/stillpoint/pre-snapshot";
    post_snapshot_script = "${package}/lib/stillpoint/post-snapshot";
    pruning_script = "${package}/lib/stillpoint/prune-snapshot";
  };

  # What the programs start.
  tools = [ config.boot.zfs.package pkgs.qemu-utils pkgs.libvirt pkgs.systemd pkgs.openssh ];

  toText = lib.generators.toINI {
    mkKeyValue = key: value:
      if value == null then "" else "${key} = ${
        if lib.isList value then lib.concatStringsSep "," value
        else if lib.isBool value then (if value then "yes" else "no")
        else toString value
      }";
  };
  isSanoidTemplate = name: lib.hasPrefix "template_" name;
  # The module's own aliases are no keys of sanoid's.
  sanoidSettings = lib.mapAttrs (name: section:
    removeAttrs section [ "useTemplate" "processChildrenOnly" ] // lib.optionalAttrs (isSanoidTemplate name) hooks
  ) config.services.sanoid.settings;
in
{
  options.services.stillpoint = {
    enable = lib.mkEnableOption "consistent ZFS snapshots of running VMs";
    package-file = lib.mkOption {
      type = lib.types.path;
      description = "The Debian package of Stillpoint.";
    };
    settings = lib.mkOption {
      type = lib.types.attrsOf (lib.types.attrsOf lib.types.anything);
      default = { };
      description = "Sections and keys of stillpoint.conf.";
    };
  };

  config = lib.mkIf cfg.enable {
    environment.systemPackages = [ package ];
    environment.etc."stillpoint/stillpoint.conf".text = toText cfg.settings;
    environment.etc."sanoid/sanoid.conf" = lib.mkIf config.services.sanoid.enable { text = toText sanoidSettings; };

    systemd.tmpfiles.rules = [
      "d /var/lib/stillpoint 0700 root root -"
      "d /var/lib/libvirt/stillpoint 0711 root root -"
    ];

    systemd.packages = [ package ];
    systemd.services.stillpoint-hold-autostart = { wantedBy = [ "multi-user.target" ]; path = tools; };
    systemd.services.stillpoint-recover = { wantedBy = [ "multi-user.target" ]; path = tools; };
    systemd.services.stillpoint-prune.path = tools;
    systemd.services.stillpoint-archive.path = tools;
    systemd.timers.stillpoint-recover.wantedBy = [ "timers.target" ];

    systemd.services.sanoid = lib.mkIf config.services.sanoid.enable {
      path = tools;
      serviceConfig = {
        User = lib.mkForce "root";
        Group = lib.mkForce "root";
        DynamicUser = lib.mkForce false;
        ExecStartPre = lib.mkForce [ ];
        ExecStopPost = lib.mkForce [ ];
        ExecStart = lib.mkForce (lib.escapeShellArgs (
          [ "${pkgs.sanoid}/bin/sanoid" "--cron" "--configdir" "/etc/sanoid" ] ++ config.services.sanoid.extraArgs));
      };
    };
  };
}
