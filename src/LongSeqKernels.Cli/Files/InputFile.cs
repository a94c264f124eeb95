using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>Opens the files that commands take, with errors that say what to do.</summary>
internal static class InputFile
{
    /// <summary>Reads an interaction log.</summary>
    public static InteractionLog ReadLog(string path)
    {
        EnsureExists(path, "an interaction log that 'lsk import' wrote");
        return InteractionLogFile.Load(path);
    }

    /// <summary>Reads a model, or the model of a checkpoint.</summary>
    public static RankingModel ReadModel(string path)
    {
        EnsureExists(path, "a model that 'lsk train' wrote");
        return RankingModel.Load(path);
    }

    private static void EnsureExists(string path, string meaning)
    {
        if (Directory.Exists(path))
        {
            throw new Failure($"{path} is a directory; it must be {meaning}.");
        }
        if (!File.Exists(path))
        {
            throw new Failure($"{path} does not exist; it must be {meaning}.");
        }
    }
}
