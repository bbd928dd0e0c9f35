// Command serial snapshots VMs as most storage appliances do: one after another, each found by its name, each call and
// each task waited for before the next. It is what Stillpoint is measured against.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/find"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

func main() {
	server := flag.String("url", "", "https://USER:PASSWORD@HOST/sdk")
	name := flag.String("snapshot", "serial", "the snapshots' name")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: serial -url URL [-snapshot NAME] pre|post")
		os.Exit(2)
	}
	if err := run(context.Background(), *server, *name, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "serial:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, server, name, phase string) error {
	u, err := url.Parse(server)
	if err != nil {
		return err
	}
	client, err := govmomi.NewClient(ctx, u, true)
	if err != nil {
		return err
	}
	defer func() { _ = client.Logout(ctx) }()
	names, err := running(ctx, client)
	if err != nil {
		return err
	}
	for _, vm := range names {
		if err = one(ctx, client, vm, name, phase); err != nil {
			return fmt.Errorf("%s: %w", vm, err)
		}
	}
	return nil
}

// running lists the VMs that are on, without templates.
func running(ctx context.Context, client *govmomi.Client) ([]string, error) {
	finder := find.NewFinder(client.Client)
	all, err := finder.VirtualMachineList(ctx, "/...")
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, vm := range all {
		var m mo.VirtualMachine
		if err = vm.Properties(ctx, vm.Reference(), []string{"name", "runtime.powerState", "config.template"}, &m); err != nil {
			return nil, err
		}
		if m.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn && !m.Config.Template {
			paths = append(paths, vm.InventoryPath)
		}
	}
	return paths, nil
}

// one finds the VM, reads what it is, and makes or removes its snapshot.
func one(ctx context.Context, client *govmomi.Client, path, name, phase string) error {
	found, err := object.NewSearchIndex(client.Client).FindByInventoryPath(ctx, path)
	if err != nil {
		return err
	}
	vm, ok := found.(*object.VirtualMachine)
	if !ok {
		return fmt.Errorf("not found")
	}
	for _, property := range []string{"config.hardware.device", "datastore", "runtime", "guest"} {
		var m mo.VirtualMachine
		if err = vm.Properties(ctx, vm.Reference(), []string{property}, &m); err != nil {
			return err
		}
	}
	var task *object.Task
	if phase == "pre" {
		task, err = vm.CreateSnapshot(ctx, name, "made by serial", false, true)
	} else {
		keep := true
		task, err = vm.RemoveSnapshot(ctx, name, false, &keep)
	}
	if err != nil {
		return err
	}
	return task.Wait(ctx)
}
