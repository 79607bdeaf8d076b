-- nbdev's signatures: a rule, a link to the source, a heading, the signature, the docstring. With the heading first,
-- Pandoc makes a section of the cell, and the name stands in the table of contents.
function Div(cell)
  local first = cell.content[1]
  if not (cell.classes:includes('cell') and first and first.t == 'HorizontalRule') then return end
  for i, block in ipairs(cell.content) do
    if block.t == 'Header' then
      cell.content:remove(i)
      cell.content[1] = block
      cell.classes:insert('signature')
      return cell
    end
  end
end
