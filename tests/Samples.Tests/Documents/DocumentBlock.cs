namespace Samples.Tests.Documents;

/// <summary>A fenced block of a page.</summary>
/// <param name="Page">The path of the page from the root of the repository.</param>
/// <param name="Line">The number of the first line of the code.</param>
/// <param name="Fence">The text after the backticks, such as <c>csharp</c>.</param>
/// <param name="Program">The name in the comment <c>compile: NAME</c> before the fence; null without one.</param>
/// <param name="File">The file in the comment <c>path/to/File.cs</c> before the fence, from which the block is copied; null without one.</param>
/// <param name="Code">The lines between the fences.</param>
internal sealed record DocumentBlock(string Page, int Line, string Fence, string? Program, string? File, string Code)
{
    /// <summary>The name of blocks that belong to every program of their page.</summary>
    public const string EveryProgram = "*";

    private static readonly string[] s_pagesOutsideDocs = ["README.md", "samples/README.md"];

    private const string FenceMark = "```";
    private const string Compile = "compile: ";
    private const string FileEnd = ".cs";

    /// <summary>Reads the blocks of README.md, of all pages below docs, and of samples/README.md.</summary>
    public static IReadOnlyList<DocumentBlock> ReadAll() =>
    [
        .. s_pagesOutsideDocs
            .Concat(Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(Repository.Root, file).Replace('\\', '/')))
            .Order(StringComparer.Ordinal)
            .SelectMany(page => Read(page, System.IO.File.ReadAllLines(Path.Combine(Repository.Root, page)))),
    ];

    /// <summary>Reads the blocks of one page.</summary>
    /// <exception cref="InvalidDataException">The last block has no end.</exception>
    public static IEnumerable<DocumentBlock> Read(string page, IReadOnlyList<string> lines)
    {
        for (int line = 0; line < lines.Count; line++)
        {
            if (!lines[line].StartsWith(FenceMark, StringComparison.Ordinal))
            {
                continue;
            }

            int first = line + 1;
            string comment = line == 0 ? "" : CommentIn(lines[line - 1]);
            string? program = comment.StartsWith(Compile, StringComparison.Ordinal) ? comment[Compile.Length..] : null;
            string? file = comment.EndsWith(FileEnd, StringComparison.Ordinal) ? comment : null;
            string fence = lines[line][FenceMark.Length..].Trim();
            do
            {
                if (++line == lines.Count)
                {
                    throw new InvalidDataException($"The block at line {first} of {page} has no end.");
                }
            }
            while (lines[line] != FenceMark);

            yield return new DocumentBlock(page, first + 1, fence, program, file, string.Join('\n', lines.Take(first..line)));
        }
    }

    /// <summary>Reads the other files of the sample that this block is copied from. They are part of its program.</summary>
    public IEnumerable<DocumentBlock> ReadOtherFiles() => File is null || !File.StartsWith("samples/", StringComparison.Ordinal)
        ? []
        : Directory.EnumerateFiles(Path.GetDirectoryName(Path.Combine(Repository.Root, File))!, "*.cs")
            .Where(other => Path.GetFileName(other) != Path.GetFileName(File))
            .Select(other => new DocumentBlock(Path.GetRelativePath(Repository.Root, other), 1, Fence, Program, null, System.IO.File.ReadAllText(other)));

    private static string CommentIn(string line) =>
        line.StartsWith("<!-- ", StringComparison.Ordinal) && line.EndsWith(" -->", StringComparison.Ordinal) ? line[5..^4] : "";
}
