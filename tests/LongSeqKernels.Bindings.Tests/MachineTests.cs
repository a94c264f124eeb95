using LongSeqKernels.Native;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>Machines that cannot run a kernel, and one whose kernel fails: what a caller in C# sees of each.</summary>
public sealed class MachineTests
{
    [SetUp]
    public void TheMachineIsEmulated()
    {
        EmulatedLibrary.Require(nameof(MachineTests));
        if (!LongSeqNative.LoadReport.IsEmulated)
        {
            Assert.Ignore("NOT RUN: the library that is loaded runs on a GPU, which cannot be made to fail.");
        }
    }

    [Test]
    public void WithoutADriverTheReportSaysSoAndOthersAreChosen() => In(nameof(WithoutADriverTheReportSaysSoAndOthersAreChosen), ("EMU_NO_DRIVER", "1"), () =>
    {
        Assert.That(LongSeqNative.LoadReport.IsLoaded);
        Troubleshooting.AssertSays("no-driver", LongSeqNative.LoadReport.ToString(), Placeholders);
        Assert.That(() => NativeDevice.OpenAny(0), Throws.TypeOf<PlatformNotSupportedException>().With.Message.EqualTo(LongSeqNative.LoadReport.DeviceError));
        using LongSeqContext context = LongSeqContext.Create();
        Assert.That(context.Explain(), Does.StartWith("managed").And.Contain("No CUDA driver answers"));
    });

    [Test]
    public void ADriverThatIsTooOldIsToldWithWhatIsNeeded() => In(nameof(ADriverThatIsTooOldIsToldWithWhatIsNeeded), ("EMU_DRIVER_VERSION", "11040"), () =>
    {
        Troubleshooting.AssertSays("old-driver", LongSeqNative.LoadReport.ToString(), Placeholders);
        Assert.That(() => NativeDevice.OpenAny(0), Throws.TypeOf<PlatformNotSupportedException>().With.Message.EqualTo(LongSeqNative.LoadReport.DeviceError));
        using LongSeqContext context = LongSeqContext.Create();
        Assert.That(context.Explain(), Does.StartWith("managed").And.Contain("supports CUDA 11.4"));
    });

    [Test]
    public void ADriverWithoutADeviceIsToldFromNoDriver() => In(nameof(ADriverWithoutADeviceIsToldFromNoDriver), ("EMU_DEVICE_COUNT", "0"), () =>
    {
        Assert.That(LongSeqNative.LoadReport.DeviceError, Is.Null);
        Assert.That(LongSeqNative.LoadReport.DeviceCount, Is.Zero);
        Troubleshooting.AssertSays("no-device", Assert.Throws<PlatformNotSupportedException>(() => NativeDevice.OpenAny(0))!.Message);
    });

    [Test]
    public void ADeviceThatIsTooOldIsRefusedByName() => In(nameof(ADeviceThatIsTooOldIsRefusedByName), ("EMU_SM", "75"), () =>
        Troubleshooting.AssertSays("old-device", Assert.Throws<PlatformNotSupportedException>(() => NativeDevice.OpenAny(0))!.Message, ("Emulated sm_75", "NAME")));

    [Test]
    public void AKernelThatFailsLosesItsDeviceAndSaysWhyEveryTime() => In(nameof(AKernelThatFailsLosesItsDeviceAndSaysWhyEveryTime), ("EMU_WATCHDOG", "1"), () =>
    {
        using NativeDevice device = NativeDevice.OpenAny(0);
        using DeviceStream stream = device.CreateStream();
        using DeviceTensor<float> input = device.Allocate<float>(Rows * Width);
        using DeviceTensor<float> weight = device.Allocate<float>(Width * Width);
        using DeviceTensor<float> output = device.Allocate<float>(Rows * Width);
        input.Clear(stream);
        weight.Clear(stream);
        using NativeLinearPlan<float> plan = NativeLinearPlan<float>.Create(device, new LinearShape(Rows, Width, Width));

        LongSeqNativeException first = Assert.Throws<LongSeqNativeException>(() =>
        {
            plan.Forward(stream, input, weight, default, output);
            stream.Synchronize();
        })!;
        LongSeqNativeException second = Assert.Throws<LongSeqNativeException>(() => stream.Synchronize())!;

        Assert.That(first.IsContextLost);
        Assert.That(first.Message, Does.Contain("The context is lost"));
        Assert.That(second.IsContextLost);
        Assert.That(second.Message, Is.EqualTo(first.Message));
    });

    /// <summary>More than an emulator multiplies in a second.</summary>
    private const int Rows = 16_384;

    private const int Width = 512;

    /// <summary>What differs from machine to machine. The emulated library stands in for the CUDA one.</summary>
    private static (string Actual, string Placeholder)[] Placeholders => [(LongSeqNative.LoadReport.Path, "PATH"), ("emulated", "cuda")];

    private static void In(string test, (string Name, string Value) variable, Action body) => ChildTests.RunIn($".{nameof(MachineTests)}.{test}", variable, body);
}
