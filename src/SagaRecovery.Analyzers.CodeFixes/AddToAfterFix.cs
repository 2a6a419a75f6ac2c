using System.Collections.Immutable;
using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace SagaRecovery.Analyzers.CodeFixes;

/// <summary>SAGA004: adds the node whose output is read to <c>after</c> of the node that reads it.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(AddToAfterFix))]
[Shared]
public sealed class AddToAfterFix : CodeFixProvider
{
    /// <summary>Name, action and undo: a positional argument behind these is one of <c>after</c>.</summary>
    private const int ParametersBeforeAfter = 3;

    /// <inheritdoc />
    public override ImmutableArray<string> FixableDiagnosticIds { get; } = [Rules.OutputOrderId];

    /// <inheritdoc />
    public override FixAllProvider GetFixAllProvider() => WellKnownFixAllProviders.BatchFixer;

    /// <inheritdoc />
    public override async Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        SyntaxNode? root = await context.Document.GetSyntaxRootAsync(context.CancellationToken).ConfigureAwait(false);
        Diagnostic diagnostic = context.Diagnostics[0];
        if (diagnostic.AdditionalLocations.Count == 0 // the analyzer knows no single node that the fix could go to
            || CallAt(root, diagnostic.Location) is not { ArgumentList.Arguments.Count: 1 } read
            || CallAt(root, diagnostic.AdditionalLocations[0]) is not { } call)
        {
            return;
        }

        ExpressionSyntax node = read.ArgumentList.Arguments[0].Expression.WithoutTrivia();
        if (WithAfter(call.ArgumentList, node) is { } arguments)
        {
            context.RegisterCodeFix(
                CodeAction.Create(
                    $"Add '{node}' to 'after'",
                    _ => Task.FromResult(context.Document.WithSyntaxRoot(root!.ReplaceNode(call.ArgumentList, arguments))),
                    nameof(AddToAfterFix)),
                diagnostic);
        }
    }

    private static InvocationExpressionSyntax? CallAt(SyntaxNode? root, Location location) =>
        root?.FindNode(location.SourceSpan, getInnermostNodeForTie: true) as InvocationExpressionSyntax;

    private static ArgumentListSyntax? WithAfter(ArgumentListSyntax list, ExpressionSyntax node)
    {
        ArgumentSyntax? named = list.Arguments.FirstOrDefault(argument => argument.NameColon?.Name.Identifier.ValueText == KnownTypes.AfterParameter);
        ArgumentSyntax? last = list.Arguments.Count > ParametersBeforeAfter ? list.Arguments.Last() : null;
        return (named ?? last) switch
        {
            null => list.Append(SyntaxFactory.Argument(node).WithNameColon(
                SyntaxFactory.NameColon(KnownTypes.AfterParameter).WithTrailingTrivia(SyntaxFactory.Space))),
            { Expression: CollectionExpressionSyntax collection } => list.ReplaceNode(collection, Append(collection, node)),
            { Expression: ArrayCreationExpressionSyntax or ImplicitArrayCreationExpressionSyntax } => null, // left to the author
            { NameColon: not null, Expression: var one } => list.ReplaceNode(one, Append(CollectionOf(one), node).WithTriviaFrom(one)),
            _ => list.Append(SyntaxFactory.Argument(node)),
        };
    }

    private static CollectionExpressionSyntax CollectionOf(ExpressionSyntax node) =>
        SyntaxFactory.CollectionExpression(SyntaxFactory.SingletonSeparatedList<CollectionElementSyntax>(
            SyntaxFactory.ExpressionElement(node.WithoutTrivia())));

    private static CollectionExpressionSyntax Append(CollectionExpressionSyntax collection, ExpressionSyntax node)
    {
        ExpressionElementSyntax element = SyntaxFactory.ExpressionElement(node);
        return collection.Elements.Count == 0
            ? collection.AddElements(element)
            : collection.WithElements(SyntaxFactory.SeparatedList<CollectionElementSyntax>(
                collection.Elements.GetWithSeparators()
                    .Add(SyntaxFactory.Token(SyntaxKind.CommaToken).WithTrailingTrivia(SyntaxFactory.Space))
                    .Add(element)));
    }
}
