using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace SagaRecovery.Analyzers.CodeFixes;

/// <summary>The context of an action or undo, as a fix names it. A parameter that is called <c>_</c> receives a name first.</summary>
internal sealed class ContextReference
{
    private const string Unnamed = "_";
    private readonly SyntaxToken? _rename;

    private ContextReference(string name, SyntaxToken? rename)
    {
        Name = name;
        _rename = rename;
    }

    public string Name { get; }

    /// <summary>Reads the context that a diagnostic carries as its additional location.</summary>
    public static ContextReference? Of(Diagnostic diagnostic, SyntaxNode root)
    {
        if (diagnostic.AdditionalLocations.Count == 0)
        {
            return null;
        }

        TextSpan span = diagnostic.AdditionalLocations[0].SourceSpan;
        SyntaxToken name = root.FindToken(span.Start);
        return name.Text != Unnamed ? new ContextReference(name.ValueText, rename: null)
            : name.Parent is ParameterSyntax { Type: null } ? new ContextReference("context", name)
            : null;
    }

    public ExpressionSyntax Member(string member) => SyntaxFactory.ParseExpression($"{Name}.{member}");

    /// <summary>Replaces a node, and names the parameter where it had no name.</summary>
    public SyntaxNode Replace(SyntaxNode root, SyntaxNode old, SyntaxNode @new) => root.ReplaceSyntax(
        [old],
        (_, _) => @new,
        _rename is { } token ? [token] : [],
        (token, _) => SyntaxFactory.Identifier(Name).WithTriviaFrom(token),
        [],
        (trivia, _) => trivia);
}
