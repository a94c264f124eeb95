using System.Runtime.InteropServices;

namespace LongSeqKernels.Interchange;

/// <summary>Owns a managed tensor of DLPack: its deleter is called when it is disposed or forgotten, unless it was detached before.</summary>
internal sealed unsafe class DLPackHandle : SafeHandle
{
    public DLPackHandle(nint managedTensor, DLPackLayout layout)
        : base(0, ownsHandle: true)
    {
        Layout = layout;
        SetHandle(managedTensor);
    }

    public override bool IsInvalid => handle == 0;

    public DLPackLayout Layout { get; }

    /// <summary>Null for a legacy tensor, which has none.</summary>
    public DLPackVersion? Version => Layout == DLPackLayout.Versioned ? ((DLManagedTensorVersioned*)handle)->Version : null;

    public bool IsReadOnly => Layout == DLPackLayout.Versioned && (((DLManagedTensorVersioned*)handle)->Flags & DLManagedTensorVersioned.ReadOnlyFlag) != 0;

    /// <summary>Of a supported version.</summary>
    public DLTensor Tensor => Layout == DLPackLayout.Versioned ? ((DLManagedTensorVersioned*)handle)->Tensor : ((DLManagedTensor*)handle)->Tensor;

    /// <summary>Gives a managed tensor back to its producer. One without a deleter needs none.</summary>
    public static void Delete(nint managedTensor, DLPackLayout layout)
    {
        if (layout == DLPackLayout.Versioned)
        {
            var versioned = (DLManagedTensorVersioned*)managedTensor;
            if (versioned->Deleter is not null)
            {
                versioned->Deleter(versioned);
            }
        }
        else
        {
            var legacy = (DLManagedTensor*)managedTensor;
            if (legacy->Deleter is not null)
            {
                legacy->Deleter(legacy);
            }
        }
    }

    /// <summary>Gives up the tensor: its deleter is the receiver's to call.</summary>
    public nint Detach()
    {
        nint managedTensor = handle;
        SetHandleAsInvalid();
        return managedTensor;
    }

    protected override bool ReleaseHandle()
    {
        Delete(handle, Layout);
        return true;
    }
}
