namespace LongSeqKernels.Cli;

/// <summary>Looks whether a result can be written before work that takes minutes begins.</summary>
internal static class OutputFile
{
    /// <summary>Checks that a file of this name can be made; leaves nothing behind.</summary>
    /// <param name="path">The file that a command will write.</param>
    /// <param name="option">The option that named it.</param>
    /// <exception cref="Failure">It cannot.</exception>
    public static void EnsureWritable(string path, string option)
    {
        if (Directory.Exists(path))
        {
            throw new Failure($"{option} {path} is a directory; it must be a file.");
        }
        string directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(directory))
        {
            throw new Failure($"{option} {path} cannot be written: the directory {directory} does not exist.");
        }
        string probe = Path.Combine(directory, $".{Path.GetRandomFileName()}.tmp");
        try
        {
            using FileStream stream = new(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            string reason = exception is FileNotFoundException ? "no file can be made there." : exception.Message;
            throw new Failure($"{option} {path} cannot be written: {reason}", exception);
        }
    }

    /// <summary>Makes a directory for results, and checks that it takes files.</summary>
    /// <param name="directory">The directory; made if it does not exist.</param>
    /// <param name="option">The option that named it.</param>
    /// <exception cref="Failure">It cannot be made or written.</exception>
    public static void EnsureDirectory(string directory, string option)
    {
        try
        {
            Directory.CreateDirectory(directory);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new Failure($"{option} {directory} cannot be made: {exception.Message}", exception);
        }
        EnsureWritable(Path.Combine(directory, "probe"), option);
    }
}
