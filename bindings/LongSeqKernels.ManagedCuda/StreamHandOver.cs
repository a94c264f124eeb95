// LongSeqKernels.ManagedCuda: hand-over between LongSeqKernels and ManagedCuda.
// Copyright (C) LongSeqKernels developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public License as published by the Free
// Software Foundation, either version 3 of the License, or (at your option) any later version. It is distributed WITHOUT ANY WARRANTY; without even the
// implied warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE. See COPYING beside this project, or <https://www.gnu.org/licenses/>.

using LongSeqKernels.Native;
using ManagedCuda;
using ManagedCuda.BasicTypes;

namespace LongSeqKernels.ManagedCuda;

/// <summary>Streams between the two libraries: the same queue, so that the work of both keeps its order.</summary>
public static class StreamHandOver
{
    /// <summary>Makes runs of LongSeqKernels take their place in a stream of ManagedCuda.</summary>
    /// <param name="stream">Of the primary context of the device. It stays the caller's, and must outlive the result.</param>
    /// <param name="device">The device.</param>
    public static DeviceStream ToDeviceStream(this CudaStream stream, NativeDevice device) => device.WrapStream(stream.Stream.Pointer);

    /// <summary>Makes work of ManagedCuda take its place in a stream of LongSeqKernels. The stream ends when both have been disposed or forgotten, in any order.</summary>
    /// <exception cref="ObjectDisposedException">The stream has been disposed.</exception>
    public static CudaStream ToCudaStream(this DeviceStream stream) => new LentStream(stream.Hold(), new CUstream { Pointer = stream.CudaStream });

    private sealed class LentStream(IDisposable held, CUstream stream) : CudaStream(stream, false)
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
