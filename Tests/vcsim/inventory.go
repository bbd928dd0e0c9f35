package main

import (
	"context"
	"fmt"
	"io/ioutil"
	"os"
	"path"
	"regexp"
	"sort"
	"strings"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/types"
)

// Inventory is what -inventory adds to the model. Everything is created through the
// simulator's own API methods, in process, before the port opens.
type Inventory struct {
	Nas  []NasSpec  `json:"nas"`  // NFS datastores, mounted on every host
	Vmfs []VmfsSpec `json:"vmfs"` // local datastores presented as VMFS on a named LUN
	VMs  []VMSpec   `json:"vms"`  // new VMs
	Edit []VMSpec   `json:"edit"` // changes to VMs that exist (matched by name)
}

type NasSpec struct {
	Name        string   `json:"name"`
	RemoteHost  string   `json:"remoteHost"`
	RemotePath  string   `json:"remotePath"`
	RemoteHosts []string `json:"remoteHostNames"`
	Type        string   `json:"type"` // NFS (default) or NFS41
}

type VmfsSpec struct {
	Name     string `json:"name"`
	DiskName string `json:"diskName"` // naa....
}

type DiskSpec struct {
	Datastore string `json:"datastore"`
	Mode      string `json:"mode"` // persistent, independent_persistent, independent_nonpersistent
	KB        int64  `json:"kb"`
	Parent    string `json:"parent"` // datastore that holds the rest of the disk's chain (a linked clone)
	RDM       string `json:"rdm"`    // "physicalMode"/"virtualMode": raw device mapping, added without the simulator's checks
}

type VMSpec struct {
	Name        string     `json:"name"`
	Datastore   string     `json:"datastore"` // home, for new VMs
	Disks       []DiskSpec `json:"disks"`
	PCI         bool       `json:"pciPassthrough"`
	CDROM       string     `json:"cdrom"`      // datastore of an ISO image in the drive
	SharedBus   string     `json:"sharedBus"`  // of the first SCSI controller: virtualSharing, physicalSharing
	FT          bool       `json:"ft"`         // fault tolerance runs
	State       string     `json:"connection"` // runtime.connectionState: disconnected, inaccessible…
	PoweredOff  bool       `json:"poweredOff"`
	Suspended   bool       `json:"suspended"`
	Template    bool       `json:"template"`
	HostName    string     `json:"hostName"` // guest.hostName, for FindAllByDnsName
	IP          string     `json:"ip"`
	Tools       string     `json:"tools"`     // guest.toolsRunningStatus (guestToolsRunning where nothing is said)
	Snapshots   []string   `json:"snapshots"` // chain of snapshots that exist beforehand
	Consolidate bool       `json:"consolidationNeeded"`
}

func (s *sim) client() (*vim25.Client, error) {
	return vim25.NewClient(context.Background(), s.model.Service) // in process, no HTTP
}

func (s *sim) vmByName(name string) *simulator.VirtualMachine {
	for _, e := range simulator.Map.All("VirtualMachine") {
		if vm, ok := e.(*simulator.VirtualMachine); ok && vm.Name == name {
			return vm
		}
	}
	return nil
}

func hosts() []*simulator.HostSystem {
	var r []*simulator.HostSystem
	for _, e := range simulator.Map.All("HostSystem") {
		r = append(r, e.(*simulator.HostSystem))
	}
	sort.Slice(r, func(i, j int) bool { return r[i].Self.Value < r[j].Self.Value })
	return r
}

// mount puts a volume in every host's fileSystemVolumeInfo and in the datastore's host list.
func (s *sim) mount(name string, v types.BaseHostFileSystemVolume) {
	for _, h := range hosts() {
		mi := types.HostMountInfo{
			Path: "/vmfs/volumes/" + name, AccessMode: "readWrite",
			Mounted: types.NewBool(true), Accessible: types.NewBool(true),
		}
		ss, ok := simulator.Map.Get(*h.ConfigManager.StorageSystem).(*simulator.HostStorageSystem)
		if ok {
			ss.FileSystemVolumeInfo.MountInfo = append(ss.FileSystemVolumeInfo.MountInfo,
				types.HostFileSystemMountInfo{MountInfo: mi, Volume: v})
		}
		if ds, ok := simulator.Map.FindByName(name, h.Datastore).(*simulator.Datastore); ok {
			found := false
			for i := range ds.Host {
				if ds.Host[i].Key == h.Self {
					ds.Host[i].MountInfo, found = mi, true
				}
			}
			if !found {
				ds.Host = append(ds.Host, types.DatastoreHostMount{Key: h.Self, MountInfo: mi})
			}
			// info.url must stay a local directory (the simulator keeps files there);
			// summary.url may look like the real thing.
			ds.Summary.Url = "ds:///vmfs/volumes/" + fakeUUID(name) + "/"
			ds.Summary.MultipleHostAccess = types.NewBool(len(hosts()) > 1)
			ds.Summary.Type = v.GetHostFileSystemVolume().Type
		}
	}
}

func fakeUUID(s string) string {
	var h uint64 = 14695981039346656037
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return fmt.Sprintf("%08x-%08x", uint32(h>>32), uint32(h))
}

func (s *sim) tempDir(name string) (string, error) {
	base, err := ioutil.TempDir("", "govcsim-extra-")
	if err != nil {
		return "", err
	}
	s.dirs = append(s.dirs, base)
	dir := path.Join(base, name)
	return dir, os.Mkdir(dir, 0700)
}

func (s *sim) build(spec Inventory) error {
	ctx := context.Background()
	c, err := s.client()
	if err != nil {
		return err
	}
	for _, n := range spec.Nas {
		dir, err := s.tempDir(n.Name) // CreateNasDatastore wants localPath to be a directory; its base is the name
		if err != nil {
			return err
		}
		if n.Type == "" {
			n.Type = "NFS"
		}
		for _, h := range hosts() {
			dss, err := object.NewHostSystem(c, h.Self).ConfigManager().DatastoreSystem(ctx)
			if err != nil {
				return err
			}
			_, err = dss.CreateNasDatastore(ctx, types.HostNasVolumeSpec{
				RemoteHost: n.RemoteHost, RemotePath: n.RemotePath, LocalPath: dir, Type: n.Type,
				AccessMode: "readWrite", RemoteHostNames: n.RemoteHosts,
			})
			if err != nil {
				return fmt.Errorf("nas %s on %s: %w", n.Name, h.Name, err)
			}
		}
		names := n.RemoteHosts
		if len(names) == 0 {
			names = []string{n.RemoteHost}
		}
		s.mount(n.Name, &types.HostNasVolume{
			HostFileSystemVolume: types.HostFileSystemVolume{Type: n.Type, Name: n.Name, Capacity: 1 << 40},
			RemoteHost:           n.RemoteHost, RemotePath: n.RemotePath, RemoteHostNames: names,
		})
		for _, h := range hosts() { // 0.24.2 leaves Nas.Name = localPath (our directory)
			if ds, ok := simulator.Map.FindByName(n.Name, h.Datastore).(*simulator.Datastore); ok {
				nas := ds.Info.(*types.NasDatastoreInfo).Nas
				nas.Name, nas.RemoteHostNames = n.Name, names
			}
		}
	}
	for _, v := range spec.Vmfs {
		dir, err := s.tempDir(v.Name)
		if err != nil {
			return err
		}
		for _, h := range hosts() {
			dss, err := object.NewHostSystem(c, h.Self).ConfigManager().DatastoreSystem(ctx)
			if err != nil {
				return err
			}
			if _, err = dss.CreateLocalDatastore(ctx, v.Name, dir); err != nil {
				return fmt.Errorf("vmfs %s: %w", v.Name, err)
			}
		}
		vol := &types.HostVmfsVolume{
			HostFileSystemVolume: types.HostFileSystemVolume{Type: "VMFS", Name: v.Name, Capacity: 1 << 40},
			MajorVersion:         6, Version: "6.82", Uuid: fakeUUID(v.Name),
			Extent: []types.HostScsiDiskPartition{{DiskName: v.DiskName, Partition: 1}},
		}
		s.mount(v.Name, vol)
		for _, h := range hosts() {
			if ds, ok := simulator.Map.FindByName(v.Name, h.Datastore).(*simulator.Datastore); ok {
				ds.Info = &types.VmfsDatastoreInfo{DatastoreInfo: *ds.Info.GetDatastoreInfo(), Vmfs: vol}
			}
		}
	}
	for i := range spec.VMs {
		spec.VMs[i].Name = esc(spec.VMs[i].Name)
	}
	for _, v := range spec.VMs {
		if err := s.createVM(ctx, c, v); err != nil {
			return fmt.Errorf("vm %s: %w", v.Name, err)
		}
	}
	startTools()
	for _, v := range append(append([]VMSpec{}, spec.VMs...), spec.Edit...) {
		if err := s.editVM(ctx, c, v); err != nil {
			return fmt.Errorf("edit %s: %w", v.Name, err)
		}
	}
	return nil
}

// A percent sign that starts no escape sequence.
var bare = regexp.MustCompile(`%(2[fF5]|5[cC])?`)

// esc writes a name as the API keeps it: "/", "\\" and "%" are escaped, "unless it is used to start an escape
// sequence" (VirtualMachineConfigSpec.name): "web/prod" and "web%2fprod" are one name, "50%" and "50%25" another.
func esc(n string) string {
	n = bare.ReplaceAllStringFunc(n, func(s string) string {
		if s == "%" {
			return "%25"
		}
		return s
	})
	return strings.NewReplacer("/", "%2f", "\\", "%5c").Replace(n)
}

func (s *sim) createVM(ctx context.Context, c *vim25.Client, v VMSpec) error {
	// Same folder, pool and host as any VM of the model.
	var like *simulator.VirtualMachine
	for _, e := range simulator.Map.All("VirtualMachine") {
		vm := e.(*simulator.VirtualMachine)
		if like == nil || vm.Self.Value < like.Self.Value {
			like = vm
		}
	}
	if like == nil {
		return fmt.Errorf("the model has no VM to take folder/pool/host from (use -vms 1)")
	}
	config := types.VirtualMachineConfigSpec{
		Name: v.Name, GuestId: string(types.VirtualMachineGuestOsIdentifierOtherGuest),
		Files: &types.VirtualMachineFileInfo{VmPathName: "[" + v.Datastore + "]"},
	}
	var devices object.VirtualDeviceList
	scsi, _ := devices.CreateSCSIController("pvscsi")
	devices = append(devices, scsi)
	config.DeviceChange, _ = devices.ConfigSpec(types.VirtualDeviceConfigSpecOperationAdd)
	task, err := object.NewFolder(c, *like.Parent).CreateVM(ctx, config,
		object.NewResourcePool(c, *like.ResourcePool), object.NewHostSystem(c, *like.Runtime.Host))
	if err != nil {
		return err
	}
	info, err := task.WaitForResult(ctx, nil)
	if err != nil {
		return err
	}
	vm := object.NewVirtualMachine(c, info.Result.(types.ManagedObjectReference))
	t, err := vm.PowerOn(ctx)
	if err != nil {
		return err
	}
	return t.Wait(ctx)
}

func (s *sim) editVM(ctx context.Context, c *vim25.Client, v VMSpec) error {
	sv := s.vmByName(v.Name)
	if sv == nil {
		return fmt.Errorf("no such VM")
	}
	vm := object.NewVirtualMachine(c, sv.Self)
	for i, d := range v.Disks {
		devs, err := vm.Device(ctx)
		if err != nil {
			return err
		}
		ctrl, err := devs.FindDiskController("")
		if err != nil {
			return err
		}
		if d.KB == 0 {
			d.KB = 1024
		}
		dir := v.Name + "_" + d.Datastore // 0.24.2 wants the directory of a second disk not to clash
		file := fmt.Sprintf("[%s] %s/extra%d.vmdk", d.Datastore, dir, i)
		if ds, ok := simulator.Map.FindByName(d.Datastore, hostOf(sv).Datastore).(*simulator.Datastore); ok {
			_ = os.MkdirAll(path.Join(ds.Info.GetDatastoreInfo().Url, dir), 0700)
		} else {
			return fmt.Errorf("no datastore %q on the VM's host", d.Datastore)
		}
		disk := devs.CreateDisk(ctrl, types.ManagedObjectReference{}, file)
		disk.CapacityInKB = d.KB
		if d.RDM != "" {
			// Through ReconfigVM_Task this would panic in updateDiskLayouts: append directly.
			un := int32(15 - i)
			sv.Config.Hardware.Device = append(sv.Config.Hardware.Device, &types.VirtualDisk{
				VirtualDevice: types.VirtualDevice{Key: int32(2100 + i), ControllerKey: disk.ControllerKey, UnitNumber: &un,
					DeviceInfo: &types.Description{Label: "RDM", Summary: "RDM"},
					Backing: &types.VirtualDiskRawDiskMappingVer1BackingInfo{
						VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{FileName: file},
						CompatibilityMode:            d.RDM, DeviceName: "vml.0200", LunUuid: "0200", DiskMode: d.Mode,
					}},
				CapacityInKB: d.KB,
			})
			continue
		}
		if d.Mode != "" {
			disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo).DiskMode = d.Mode
		}
		if err = vm.AddDevice(ctx, disk); err != nil {
			return err
		}
		if d.Parent != "" {
			if err = linkDisk(sv, file, d.Parent, fmt.Sprintf("[%s] %s/base%d.vmdk", d.Parent, v.Name, i)); err != nil {
				return err
			}
		}
	}
	if err := addOddDevices(sv, v); err != nil {
		return err
	}
	if v.PCI {
		err := vm.AddDevice(ctx, &types.VirtualPCIPassthrough{VirtualDevice: types.VirtualDevice{
			Key: 13000,
			Backing: &types.VirtualPCIPassthroughDeviceBackingInfo{
				VirtualDeviceDeviceBackingInfo: types.VirtualDeviceDeviceBackingInfo{DeviceName: "Fake GPU"},
				Id:                             "0000:3b:00.0", DeviceId: "1eb8", SystemId: "5f0c-sim", VendorId: 4318,
			}}})
		if err != nil {
			return err
		}
	}
	var ch []types.PropertyChange
	add := func(n string, val types.AnyType) { ch = append(ch, types.PropertyChange{Name: n, Val: val}) }
	if v.HostName != "" {
		add("guest.hostName", v.HostName)
	}
	if v.IP != "" {
		add("guest.ipAddress", v.IP)
	}
	if v.Tools != "" {
		add("guest.toolsRunningStatus", v.Tools)
	}
	if v.FT {
		add("runtime.faultToleranceState", types.VirtualMachineFaultToleranceStateRunning)
	}
	if v.Consolidate {
		add("runtime.consolidationNeeded", true)
	}
	simulator.Map.Update(sv, ch)
	for _, n := range v.Snapshots {
		t, err := vm.CreateSnapshot(ctx, n, "made by inventory", false, false)
		if err != nil {
			return err
		}
		if err = t.Wait(ctx); err != nil {
			return err
		}
	}
	type step struct {
		on bool
		f  func(context.Context) (*object.Task, error)
	}
	for _, st := range []step{{v.PoweredOff || v.Template, vm.PowerOff}, {v.Suspended, vm.Suspend}} {
		if st.on {
			t, err := st.f(ctx)
			if err != nil {
				return err
			}
			if err = t.Wait(ctx); err != nil {
				return err
			}
		}
	}
	if v.Template {
		if err := vm.MarkAsTemplate(ctx); err != nil {
			return err
		}
	}
	if v.State != "" { // last: the server does nothing with such a VM
		simulator.Map.Update(sv, []types.PropertyChange{
			{Name: "runtime.connectionState", Val: types.VirtualMachineConnectionState(v.State)},
			{Name: "summary.runtime.connectionState", Val: types.VirtualMachineConnectionState(v.State)}})
	}
	return nil
}

// startTools lets the tools run in every guest that is on; in 0.24.2 they never do.
func startTools() {
	for _, e := range simulator.Map.All("VirtualMachine") {
		vm := e.(*simulator.VirtualMachine)
		if vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn {
			simulator.Map.Update(vm, []types.PropertyChange{
				{Name: "guest.toolsRunningStatus", Val: string(types.VirtualMachineToolsRunningStatusGuestToolsRunning)},
				{Name: "guest.toolsStatus", Val: types.VirtualMachineToolsStatusToolsOk}})
		}
	}
}

// linkDisk makes a disk a linked clone's, whose base is on another datastore.
func linkDisk(vm *simulator.VirtualMachine, file, datastore, base string) error {
	ds, ok := simulator.Map.FindByName(datastore, hostOf(vm).Datastore).(*simulator.Datastore)
	if !ok {
		return fmt.Errorf("no datastore %q on the VM's host", datastore)
	}
	for _, d := range vm.Config.Hardware.Device {
		if disk, ok := d.(*types.VirtualDisk); ok {
			if b, ok := disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo); ok && b.FileName == file {
				b.Parent = &types.VirtualDiskFlatVer2BackingInfo{
					VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{FileName: base, Datastore: &ds.Self},
					DiskMode:                     b.DiskMode,
				}
				return nil
			}
		}
	}
	return fmt.Errorf("no disk %q", file)
}

// addOddDevices appends what ReconfigVM_Task of 0.24.2 would refuse.
func addOddDevices(vm *simulator.VirtualMachine, v VMSpec) error {
	if v.CDROM != "" {
		ds, ok := simulator.Map.FindByName(v.CDROM, hostOf(vm).Datastore).(*simulator.Datastore)
		if !ok {
			return fmt.Errorf("no datastore %q on the VM's host", v.CDROM)
		}
		vm.Config.Hardware.Device = append(vm.Config.Hardware.Device, &types.VirtualCdrom{VirtualDevice: types.VirtualDevice{
			Key: 16000, DeviceInfo: &types.Description{Label: "CD/DVD drive 1", Summary: "ISO"},
			Backing: &types.VirtualCdromIsoBackingInfo{VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{
				FileName: fmt.Sprintf("[%s] iso/install.iso", v.CDROM), Datastore: &ds.Self,
			}},
		}})
		vm.Datastore = append(vm.Datastore, ds.Self)
	}
	if v.SharedBus != "" {
		for _, d := range vm.Config.Hardware.Device {
			if c, ok := d.(types.BaseVirtualSCSIController); ok {
				c.GetVirtualSCSIController().SharedBus = types.VirtualSCSISharing(v.SharedBus)
			}
		}
	}
	return nil
}

func hostOf(vm *simulator.VirtualMachine) *simulator.HostSystem {
	return simulator.Map.Get(*vm.Runtime.Host).(*simulator.HostSystem)
}
