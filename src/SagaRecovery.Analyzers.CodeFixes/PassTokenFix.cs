using System.Collections.Immutable;
using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace SagaRecovery.Analyzers.CodeFixes;

/// <summary>SAGA003: passes the context's token to the call.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(PassTokenFix))]
[Shared]
public sealed class PassTokenFix : CodeFixProvider
{
    private const string Title = "Pass the cancellation token of the context";

    /// <inheritdoc />
    public override ImmutableArray<string> FixableDiagnosticIds { get; } = [Rules.IgnoredTokenId];

    /// <inheritdoc />
    public override FixAllProvider GetFixAllProvider() => WellKnownFixAllProviders.BatchFixer;

    /// <inheritdoc />
    public override async Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        SyntaxNode? root = await context.Document.GetSyntaxRootAsync(context.CancellationToken).ConfigureAwait(false);
        Diagnostic diagnostic = context.Diagnostics[0];
        if (root?.FindNode(diagnostic.Location.SourceSpan).FirstAncestorOrSelf<InvocationExpressionSyntax>() is { } call
            && ContextReference.Of(diagnostic, root) is { } node)
        {
            diagnostic.Properties.TryGetValue(IgnoredTokenAnalyzer.ArgumentName, out string? name);
            context.RegisterCodeFix(
                CodeAction.Create(Title, _ => Task.FromResult(context.Document.WithSyntaxRoot(Fix(root, call, node, name))), nameof(PassTokenFix)),
                diagnostic);
        }
    }

    private static SyntaxNode Fix(SyntaxNode root, InvocationExpressionSyntax call, ContextReference node, string? name)
    {
        ArgumentSyntax argument = SyntaxFactory.Argument(node.Member(KnownTypes.TokenProperty));
        if (name is not null)
        {
            argument = argument.WithNameColon(
                SyntaxFactory.NameColon(name).WithTrailingTrivia(SyntaxFactory.Space));
        }

        return node.Replace(root, call.ArgumentList, call.ArgumentList.Append(argument));
    }
}
