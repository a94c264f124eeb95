using LongSeqKernels;
using LongSeqKernels.Ilgpu;

// ILGPU where it has a GPU, else the CPU.
using LongSeqContext context = LongSeqContext.Create(Backend.Auto, new LongSeqContextOptions { Providers = [IlgpuBackend.Provider] });
Console.WriteLine(context.Explain());
var normalised = new float[4];
LayerNorm.Forward<float>(context, rows: 1, width: 4, LayerNorm.DefaultEpsilon, [1f, 2f, 3f, 4f], [], [], normalised);
Console.WriteLine($"sum: {MathF.Round(normalised.Sum(), 4)}, largest: {MathF.Round(normalised.Max(), 4)}");
