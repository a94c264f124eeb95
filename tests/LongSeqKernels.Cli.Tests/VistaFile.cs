using System.Numerics.Tensors;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli.Tests;

/// <summary>A VISTA model on the small log with its initial weights: what the store's commands need of a model.</summary>
internal static class VistaFile
{
    public const string Name = "vista.lskmodel";

    /// <summary>Writes the log and the model, its weights times a factor, into a directory.</summary>
    public static void WriteTo(WorkingDirectory directory, InteractionLog? log = null, int width = 8, long seed = 1, float scale = 1, bool extendable = false)
    {
        log ??= SmallLog.Made;
        InteractionLogFile.Save(log, directory.File(SmallLog.Name));
        VistaModel model = VistaModel.Create(new VistaConfig
        {
            Items = log.ItemCount,
            Categories = log.ItemCategories.IsEmpty ? 0 : log.CategoryCount,
            Width = width,
            Heads = 2,
            Seeds = 4,
            Layers = extendable ? 1 : 2,
            TimeReference = extendable ? TimeReference.PreviousEvent : TimeReference.NewestEvent,
            CandidateLayers = 1,
            ScorerWidths = [8],
            Seed = seed,
        }, log.ItemCategories);
        ModelNotes.Of(log, RequestProtocol.For(log), new RequestSamplerOptions { Windows = new SuffixLengths(8, 64) }).Write(model);
        foreach (Parameter parameter in model.Parameters.Parameters)
        {
            TensorPrimitives.Multiply(parameter.Values, scale, parameter.Values);
        }
        model.Save(directory.File(Name));
    }
}
