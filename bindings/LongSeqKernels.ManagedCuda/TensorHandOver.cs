// LongSeqKernels.ManagedCuda: hand-over between LongSeqKernels and ManagedCuda.
// Copyright (C) LongSeqKernels developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public License as published by the Free
// Software Foundation, either version 3 of the License, or (at your option) any later version. It is distributed WITHOUT ANY WARRANTY; without even the
// implied warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE. See COPYING beside this project, or <https://www.gnu.org/licenses/>.

using System.Runtime.CompilerServices;
using LongSeqKernels.Native;
using ManagedCuda;
using ManagedCuda.BasicTypes;

namespace LongSeqKernels.ManagedCuda;

/// <summary>Whose a device variable is after it has been handed over.</summary>
public enum HandOver
{
    /// <summary>It stays the caller's, who disposes it after the tensor.</summary>
    Lend,

    /// <summary>The tensor disposes it, when all work of the device that was enqueued before has been done.</summary>
    Give,
}

/// <summary>Device memory between the two libraries: the same bytes, no copy.</summary>
public static class TensorHandOver
{
    /// <summary>Makes a tensor of a device variable: runs check, hold and capture it like any other.</summary>
    /// <param name="variable">Memory in the primary context of the device: that of a <see cref="PrimaryContext"/>, not of a context of its own.</param>
    /// <param name="device">The device that has it.</param>
    /// <param name="handOver">Whether the variable stays the caller's.</param>
    /// <exception cref="ArgumentException">The variable has no address, or one that is not aligned to its elements.</exception>
    public static DeviceTensor<T> ToDeviceTensor<T>(this CudaDeviceVariable<T> variable, NativeDevice device, HandOver handOver)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(Enum.IsDefined(handOver), true, nameof(handOver));
        return device.Wrap<T>((nint)(ulong)variable.DevicePointer.Pointer, (long)(ulong)variable.Size, handOver == HandOver.Give ? variable.Dispose : null);
    }

    /// <summary>Makes a device variable of a tensor. The memory is freed when both have been disposed or forgotten, in any order.</summary>
    /// <param name="tensor">Of the device whose primary context is current when the variable is used.</param>
    /// <exception cref="ObjectDisposedException">The tensor has been disposed.</exception>
    public static CudaDeviceVariable<T> ToCudaDeviceVariable<T>(this DeviceTensor<T> tensor)
        where T : unmanaged => new LentVariable<T>(tensor.Hold(), new CUdeviceptr(tensor.Pointer), (ulong)tensor.Length);

    private sealed class LentVariable<T>(IDisposable held, CUdeviceptr pointer, ulong length) : CudaDeviceVariable<T>(pointer, false, length * (ulong)Unsafe.SizeOf<T>())
        where T : unmanaged
    {
        protected override void Dispose(bool fDisposing)
        {
            base.Dispose(fDisposing);
            if (fDisposing)
            {
                held.Dispose();
            }
        }
    }
}
