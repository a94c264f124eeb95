// LongSeqKernels.ManagedCuda: hand-over between LongSeqKernels and ManagedCuda.
// Copyright (C) LongSeqKernels developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public License as published by the Free
// Software Foundation, either version 3 of the License, or (at your option) any later version. It is distributed WITHOUT ANY WARRANTY; without even the
// implied warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE. See COPYING beside this project, or <https://www.gnu.org/licenses/>.

using System.Diagnostics.CodeAnalysis;
using LongSeqKernels.Native;
using ManagedCuda;

namespace LongSeqKernels.ManagedCuda;

/// <summary>
/// Contexts between the two libraries. LongSeqKernels works in the primary context of a device, as everything above the CUDA runtime does; memory and
/// streams of a context that <c>new CudaContext()</c> made are not those of the primary one.
/// </summary>
public static class ContextHandOver
{
    /// <summary>Opens the device of a primary context for LongSeqKernels.</summary>
    /// <exception cref="PlatformNotSupportedException">The native library, the driver or the device is missing or too old; the message says which and what was tried.</exception>
    public static NativeDevice OpenDevice(this PrimaryContext context) => NativeDevice.Open(context.DeviceId);

    /// <summary>Opens the primary context of a device for ManagedCuda, and makes it current on this thread.</summary>
    /// <exception cref="CudaException">The driver refuses.</exception>
    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The caller disposes it.")]
    public static PrimaryContext OpenPrimaryContext(this NativeDevice device)
    {
        var context = new PrimaryContext(device.Index);
        context.SetCurrent();
        return context;
    }
}
