package main

import (
	"context"
	"fmt"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// meddle does what somebody else may do to a VM while our task is running.
func (s *sim) meddle(name, do, argument string) error {
	sv := s.vmByName(name)
	if sv == nil {
		return fmt.Errorf("no VM %q", name)
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	ctx := context.Background()
	vm := object.NewVirtualMachine(c, sv.Self)
	var task *object.Task
	switch do {
	case "destroy":
		if sv.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn {
			if task, err = vm.PowerOff(ctx); err == nil {
				err = task.Wait(ctx)
			}
			if err != nil {
				return err
			}
		}
		task, err = vm.Destroy(ctx)
	case "poweroff":
		task, err = vm.PowerOff(ctx)
	case "poweron":
		task, err = vm.PowerOn(ctx)
	case "suspend":
		task, err = vm.Suspend(ctx)
	case "answer":
		simulator.Map.WithLock(sv, func() {
			simulator.Map.Update(sv, []types.PropertyChange{{Name: "runtime.question", Val: nil}})
		})
		return nil
	case "snapshot":
		task, err = vm.CreateSnapshot(ctx, argument, "made by somebody else", false, false)
	case "remove": // one snapshot by name
		task, err = vm.RemoveSnapshot(ctx, argument, false, nil)
	case "revert":
		task, err = vm.RevertToSnapshot(ctx, argument, true)
	case "remove-all":
		task, err = vm.RemoveAllSnapshot(ctx, nil)
	case "migrate": // to the next host, as DRS does
		all := hosts()
		for i, h := range all {
			if h.Self == *sv.Runtime.Host {
				next := all[(i+1)%len(all)].Self
				simulator.Map.WithLock(sv, func() {
					simulator.Map.Update(sv, []types.PropertyChange{
						{Name: "runtime.host", Val: &next}, {Name: "summary.runtime.host", Val: &next}})
				})
				return nil
			}
		}
		return fmt.Errorf("%s is on no host", name)
	case "tools":
		simulator.Map.WithLock(sv, func() {
			simulator.Map.Update(sv, []types.PropertyChange{{Name: "guest.toolsRunningStatus", Val: argument}})
		})
		return nil
	default:
		return fmt.Errorf("cannot %q", do)
	}
	if err != nil {
		return err
	}
	if err = task.Wait(ctx); err == nil {
		simulator.Map.WithLock(sv, func() { roots(sv) })
	}
	return err
}
