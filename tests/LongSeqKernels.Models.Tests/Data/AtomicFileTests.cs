using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class AtomicFileTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void SetUp() => _folder = new TemporaryFolder();

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [Test]
    public void AFailureLeavesTheOldFileAndNothingElse()
    {
        string path = _folder.Write("file", "old");
        Assert.That(
            () => AtomicFile.Write(path, stream =>
            {
                stream.Write(new byte[100_000]);
                throw new IOException("disk full");
            }),
            Throws.InstanceOf<IOException>().With.Message.EqualTo("disk full"));
        Assert.That(File.ReadAllText(path), Is.EqualTo("old"));
        Assert.That(Directory.GetFileSystemEntries(_folder.Root), Is.EqualTo(new[] { path }));
    }

    [Test]
    public void ASuccessReplacesTheOldFileAndLeavesNothingElse()
    {
        string path = _folder.Write("file", "old");
        AtomicFile.WriteText(path, "new");
        Assert.That(File.ReadAllText(path), Is.EqualTo("new"));
        Assert.That(Directory.GetFileSystemEntries(_folder.Root), Is.EqualTo(new[] { path }));
    }

    [Test]
    public void AMissingDirectoryIsNamed() =>
        Assert.That(() => AtomicFile.WriteText(_folder["none/file"], ""), Throws.InstanceOf<DirectoryNotFoundException>().With.Message.Contains(_folder["none"]));

    [Test]
    public void ADirectoryIsNotReplaced() => Assert.That(() => AtomicFile.WriteText(_folder.Root, ""), Throws.InstanceOf<IOException>().With.Message.Contains("is a directory"));

    [Test]
    public void AFullDiskIsReportedAndLeavesNothing()
    {
        // /dev/full gives "no space left on device" for every write; a device is not replaced by renaming, so write through to it.
        if (!File.Exists("/dev/full"))
        {
            Assert.Ignore("This machine has no /dev/full.");
        }
        string path = _folder.Write("file", "old");
        Assert.That(
            () => AtomicFile.Write(path, stream =>
            {
                stream.Write(new byte[10]);
                using var full = new FileStream("/dev/full", FileMode.Open, FileAccess.Write);
                full.Write(new byte[100_000]);
            }),
            Throws.InstanceOf<IOException>());
        Assert.That(File.ReadAllText(path), Is.EqualTo("old"));
        Assert.That(Directory.GetFileSystemEntries(_folder.Root), Is.EqualTo(new[] { path }));
    }
}
