namespace LongSeqKernels.Models;

/// <summary>
/// Writes files that are either whole or not there: beside the destination under a temporary name, flushed to the disk, then renamed.
/// When anything fails (a full disk, a cancelled command), the temporary file is removed and an older file of that name stays as it was.
/// </summary>
public static class AtomicFile
{
    /// <summary>Writes a file.</summary>
    /// <param name="path">The destination; its directory must exist.</param>
    /// <param name="write">Writes the contents.</param>
    /// <exception cref="IOException">The directory does not exist, the disk is full, or the destination cannot be replaced.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string full = Path.GetFullPath(path);
        if (Directory.Exists(full))
        {
            throw new IOException($"{path} is a directory; it must be a file.");
        }
        string directory = Path.GetDirectoryName(full)!;
        if (!Directory.Exists(directory))
        {
            throw new DirectoryNotFoundException($"{path} cannot be written: the directory {directory} does not exist.");
        }
        string temporary = Path.Combine(directory, $".{Path.GetRandomFileName()}.tmp");
        var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16);
        try
        {
            using (stream)
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, full, overwrite: true);
        }
        catch (IOException exception) when (exception.Message.Contains(temporary, StringComparison.Ordinal))
        {
            File.Delete(temporary);
            // The caller knows the destination, not the temporary name.
            throw new IOException($"{path} cannot be written: {exception.Message.Replace(temporary, path, StringComparison.Ordinal)}", exception);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Writes a file of UTF-8 text.</summary>
    /// <param name="path">The destination; its directory must exist.</param>
    /// <param name="text">The contents.</param>
    /// <exception cref="IOException">The directory does not exist, the disk is full, or the destination cannot be replaced.</exception>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));
}
